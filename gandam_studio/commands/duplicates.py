"""`dedupe`."""

import click


@click.command()
def dedupe() -> None:
    """x"""

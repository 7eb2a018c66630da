"""`export`."""

import click


@click.command("export-manifest")
def export_manifest() -> None:
    """x"""

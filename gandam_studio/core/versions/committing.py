"""Commit the current decisions as an immutable version."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.texts import LONGEST_MESSAGE, checked
from gandam_studio.core.versions import files
from gandam_studio.core.versions.certificates import reviewed_since
from gandam_studio.core.versions.entries import Kind, committed, count_generated, present_lines
from gandam_studio.core.versions.listing import HEAD, head_version
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.workspace.history import now
from gandam_studio.core.workspace.store import transaction

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def commit(
    workspace: Workspace, message: str = "", *, kept_only: bool = False, with_generated: bool = False,
    job: Job = NULL_JOB,
) -> ManifestVersion:  # fmt: skip
    """Commit the current decisions as a version.

    It holds all sprites that are not dropped, or with `kept_only` the kept ones. Of those that a run has drawn it holds
    none, unless they are kept and it is to be `with_generated`.

    If neither the sprites nor the recipe nor what reviews of fitness said differ from the version that the decisions
    are based on, no version is added: that version is returned with `unchanged` set. Concurrent commits make two
    versions, or one if they are equal. The manifest is written before the row that names it, so a crash cannot leave a
    version without its manifest.
    Raises UserError (nothing to commit, disk full) and Cancelled.
    """
    workspace.require_writable()
    message = checked(message, "the message", LONGEST_MESSAGE, lines=True)
    connection = workspace.connection
    try:
        with _snapshot(connection):
            condition = committed(kept_only, with_generated)
            (total,) = connection.execute(f"SELECT count(*) FROM sprites WHERE {condition}").fetchone()
            if not total:
                raise UserError(f"there is nothing to save: {_nothing(workspace, kept_only)}")
            job.start("Saving the version", total)
            present = present_lines(workspace, kept_only=kept_only, with_generated=with_generated)
            digest, tally = files.write_manifest(workspace.manifests, _with_progress(present, job))
            settings = files.label_settings(workspace, kept_only, with_generated)
            if (known := _unchanged(workspace, digest)) is not None:
                return known
            files.write_left_out(workspace, digest, condition)
            last_edit = workspace.history.last_edit()
        with transaction(connection):
            # A concurrent commit may have added the same version.
            if (known := _unchanged(workspace, digest)) is not None:
                return known
            parent = head_version(workspace)
            (highest,) = connection.execute("SELECT coalesce(max(version), 0) FROM versions").fetchone()
            version = ManifestVersion(
                number=highest + 1,
                digest=digest,
                parent=parent.number if parent else None,
                message=message,
                at=now(),
                sprites=tally.sprites,
                edit=last_edit,
            )
            files.write_header(workspace, digest, version.label, tally, settings)
            _insert(connection, version)
    except OSError as error:
        raise UserError(f"no version was saved: {error.strerror or error}") from None
    return version


def _nothing(workspace: Workspace, kept_only: bool) -> str:
    """Why no sprite would be committed."""
    if count_generated(workspace)[0]:
        return "all sprites that are kept were drawn by a run, and such a version was not asked for"
    return "no sprite is marked keep" if kept_only else "there are no sprites left"


def _insert(connection: sqlite3.Connection, version: ManifestVersion) -> None:
    connection.execute(
        "INSERT INTO versions (version, digest, parent, message, at, sprites, edit) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            version.number,
            version.digest,
            version.parent,
            version.message,
            version.at,
            version.sprites,
            version.edit,
        ),
    )
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (HEAD, str(version.number)))


def _unchanged(workspace: Workspace, digest: str) -> ManifestVersion | None:
    """The version that the decisions are based on if it has these sprites, the current recipe and certificates."""
    parent = head_version(workspace)
    if (
        parent is None
        or parent.digest != digest
        or recipe_differs(workspace, parent)
        or reviewed_since(workspace, parent)
    ):
        return None
    return dataclasses.replace(parent, unchanged=True)


def recipe_differs(workspace: Workspace, version: ManifestVersion) -> bool:
    """Whether the recipe was changed since that version, which is a change that `diff` does not list."""
    return files.recipe_of(workspace, version) != workspace.recipe


def _with_progress(some: Iterator[tuple[list[str], list[Kind]]], job: Job) -> Iterator[tuple[list[str], list[Kind]]]:
    """Yield what is given and report progress."""
    for lines, kinds in some:
        yield lines, kinds
        job.advance(len(lines))


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Give several reads a consistent view of the database, while other connections may write."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")

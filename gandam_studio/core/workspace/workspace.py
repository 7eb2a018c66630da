"""The Workspace class: access to a workspace folder for the window, the command line and tests."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from gandam_studio.core.errors import (
    DamagedWorkspace,
    UnknownSprite,
    UserError,
    WorkspaceLocked,
    WorkspaceNotFound,
    WorkspaceUnwritable,
)
from gandam_studio.core.workspace import schema
from gandam_studio.core.workspace.history import Changes, History
from gandam_studio.core.workspace.naming import find_named
from gandam_studio.core.workspace.originals import Originals
from gandam_studio.core.workspace.own_files import require_plain
from gandam_studio.core.workspace.query import Filter, common_border
from gandam_studio.core.workspace.seqsets import Seqs, as_seqs, runs
from gandam_studio.core.workspace.settings import SPLITS, read_setting
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite
from gandam_studio.core.workspace.store import connect, log_is_long, wrap_damage
from gandam_studio.core.workspace.thumbnails import ThumbnailStore
from trainer.protocol import files, outputs
from trainer.protocol.files import open_own
from trainer.protocol.manifest import is_digest
from trainer.protocol.untrusted import MAX_INTEGER, read_regular, shortened

if TYPE_CHECKING:
    import numpy as np

    from gandam_studio.core.workspace.edits import Edit
    from gandam_studio.core.workspace.split_rule import SplitRule
    from trainer.protocol.recipe import Recipe

DATABASE = "workspace.sqlite"
LOCK = "workspace.lock"
HOLDER = f"{LOCK}.holder"
_PARTIAL_PREFIX = f".{DATABASE}."


@dataclass(frozen=True)
class Counts:
    """Number of sprites by status. `flipped` counts sprites of every status."""

    undecided: int = 0
    kept: int = 0
    dropped: int = 0
    flipped: int = 0

    @property
    def total(self) -> int:
        """Number of all sprites, including dropped ones."""
        return self.undecided + self.kept + self.dropped


class Workspace:
    """A folder of sprites and the decisions about them.

    One writer at a time holds the folder's lock; readers need no lock. A Workspace belongs to the thread that opened
    it: other threads of the same program call `for_this_thread()`.

    Attributes:
        folder: the workspace's folder, absolute.
        read_only: True if edits are not allowed.
        originals: the imported files.
        thumbnails: thumbnails by row number.
        history: the edits; prefer `apply`, `undo` and `redo` of this class.
    """

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        lock: FileLock | None,
        *,
        read_only: bool,
        thumbnails: ThumbnailStore | None = None,
    ) -> None:
        self.folder = folder
        self.read_only = read_only
        self.connection = connection
        self._lock = lock
        self.originals = Originals(folder / "originals", read_only=read_only)
        self._shares_thumbnails = thumbnails is not None
        self.thumbnails = thumbnails or ThumbnailStore(folder / "thumbnails")
        self.history = History(connection)

    @classmethod
    def create(cls, folder: Path | str) -> Workspace:
        """Create a workspace in a new or empty folder and open it. Raises UserError if the folder is in use."""
        folder = Path(folder).absolute()
        try:
            if (folder / DATABASE).exists():
                raise UserError(f"{folder} is a workspace already")
            interrupted = folder.is_dir() and all(map(_is_leftover, folder.iterdir()))
            if interrupted:
                outputs.check_place(folder)
            else:
                outputs.check_new_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except outputs.OutputError as error:
            raise UserError.of(error) from None
        except OSError as error:
            raise UserError(f"cannot create {shortened(str(folder), 200)}: {error.strerror or error}") from None
        return cls._open(folder, read_only=False, new=True)

    @classmethod
    def open(cls, folder: Path | str, *, read_only: bool = False) -> Workspace:
        """Open a workspace. Raises WorkspaceNotFound, WorkspaceLocked (another writer), WorkspaceUnwritable or
        UserError (damaged).
        """
        folder = Path(folder).absolute()
        try:
            size = (folder / DATABASE).stat().st_size if (folder / DATABASE).is_file() else -1
        except OSError as error:
            raise UserError(f"cannot open {shortened(str(folder), 200)}: {error.strerror or error}") from None
        if size < 0:
            raise WorkspaceNotFound(folder)
        if not size:
            raise UserError(f"{folder / DATABASE} is empty: the workspace is damaged, or its creation was interrupted")
        return cls._open(folder, read_only=read_only)

    @classmethod
    def _open(cls, folder: Path, *, read_only: bool, new: bool = False) -> Workspace:
        require_plain(folder, writing=not read_only)
        lock = None if read_only else _acquire(folder)
        try:
            if new:
                _make_database(folder)
            connection = connect(folder / DATABASE, read_only=read_only, accept=schema.check)
            workspace = cls(folder, connection, lock, read_only=read_only)
            if not read_only:
                # A workspace whose index cannot be repaired (the disk is full) still opens: reading works without it.
                with contextlib.suppress(UserError, OSError):
                    workspace.originals.repair_index()
            return workspace
        except BaseException:
            if lock:
                lock.release()
            raise

    def for_this_thread(self) -> Workspace:
        """Open a second Workspace for the calling thread, under the same lock. Close it in that thread."""
        connection = connect(self.folder / DATABASE, read_only=self.read_only)
        return Workspace(self.folder, connection, None, read_only=self.read_only, thumbnails=self.thumbnails)

    def close(self) -> None:
        """Close the workspace and release its lock. May be called more than once."""
        if not self._shares_thumbnails:
            self.thumbnails.close()
        self.originals.close()
        self.connection.close()
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Decisions

    def apply(self, edit: Edit, *, into: int = 0) -> Changes:
        """Apply an edit and record it, in one transaction. Raises UserError, after which nothing has changed.

        `into` is the number of an edit that it continues, if it can (see `History.apply`).
        """
        self.require_writable()
        return self.history.apply(edit, into=into)

    def take_back(self, edit: int, parts: int, label: Callable[[int], str]) -> Changes:
        """Undo what the newest edit was continued by after its first `parts` deltas (see `History.take_back`)."""
        self.require_writable()
        return self.history.take_back(edit, parts, label)

    def undo(self) -> Changes:
        """Undo the newest edit. The result is falsy if there is none."""
        self.require_writable()
        return self.history.undo()

    def redo(self) -> Changes:
        """Redo the edit that was undone last. The result is falsy if there is none."""
        self.require_writable()
        return self.history.redo()

    @property
    def log_is_long(self) -> bool:
        """Whether it is worth calling `fold_log`."""
        return not self.read_only and log_is_long(self.folder / DATABASE)

    def fold_log(self) -> None:
        """Checkpoint the write-ahead log: copy committed changes into the database file. Meant for a separate thread.

        Blocks neither readers nor the writer. Nothing is lost without it.
        """
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def require_writable(self) -> None:
        """Raise UserError if the workspace was opened for reading only."""
        if self.read_only:
            raise UserError(f"{self.folder} is open for reading only")

    # Queries

    def counts(self) -> Counts:
        """Count the sprites that are undecided, kept and dropped, and those that are flipped."""
        totals: dict[str, int] = {}
        flipped = 0
        query = "SELECT status, flipped, count(*) FROM sprites GROUP BY status, flipped"
        for status, mirrored, count in self.connection.execute(query):
            totals[status] = totals.get(status, 0) + count
            flipped += count if mirrored else 0
        return Counts(totals.get("undecided", 0), totals.get("kept", 0), totals.get("dropped", 0), flipped)

    def select(self, filter: Filter = Filter()) -> Seqs:  # noqa: B008 - frozen
        """Return the row numbers of the sprites that match a filter, in its order.

        The criterion `faint` reads the thumbnails of all that match the others, the first time: about 50,000 in a
        second.
        """
        found = filter.select(self.connection)
        if filter.faint is None:
            return found
        import numpy as np

        return found[np.isin(found, self.faint(found), invert=not filter.faint)]

    def faint(self, seqs: Seqs) -> Seqs:
        """Return those of some rows whose sprites can hardly be seen on the recipe's background.

        The first time it reads their thumbnails: about 50,000 in a second.
        """
        from gandam_studio.core.workspace.faint_rows import faint_rows

        return faint_rows(self.folder, self.connection, self.thumbnails.read, seqs, self.background())

    def background(self) -> tuple[int, int, int]:
        """Return the colour, (r, g, b), on which sprites must be seen: the recipe's; white if it keeps transparency."""
        from gandam_studio.core.pictures.filling import fill_color
        from trainer.protocol.recipe import Recipe

        name = self.recipe.background
        return fill_color(Recipe(background="white" if name == "alpha" else name), common_border(self.connection))

    def sprite(self, seq: int) -> Sprite:
        """Return one sprite. Raises UnknownSprite."""
        if not 0 < int(seq) <= MAX_INTEGER:
            raise UnknownSprite(f"there is no sprite number {seq}")
        with wrap_damage():
            row = self.connection.execute(f"SELECT {COLUMNS} FROM sprites WHERE seq = ?", (int(seq),)).fetchone()
        if row is None:
            raise UnknownSprite(f"there is no sprite number {seq}")
        return Sprite.from_row(row)

    def sprites(self, seqs: Iterable[int] | Seqs | None = None) -> Iterator[Sprite]:
        """Yield sprites in order of row number, by default all of them. Rows are fetched as they are used."""
        with wrap_damage():
            if seqs is None:
                for row in self.connection.execute(f"SELECT {COLUMNS} FROM sprites ORDER BY seq"):
                    yield Sprite.from_row(row)
                return
            for first, last in runs(as_seqs(seqs)):
                query = f"SELECT {COLUMNS} FROM sprites WHERE seq BETWEEN ? AND ? ORDER BY seq"
                for row in self.connection.execute(query, (first, last)):
                    yield Sprite.from_row(row)

    def resolve(self, text: str) -> int:
        """Return the row number of a sprite, given a file name, an id or unambiguous prefix of it, or a path.

        Raises UnknownSprite if no sprite matches, or more than one.
        """
        found = find_named(self.connection, text)
        if not found:
            raise UnknownSprite(f"no sprite is named {shortened(text)!r}")
        if len(found) > 1:
            raise UnknownSprite(f"more than one sprite is named {shortened(text)!r}; give its path, or more of its id")
        return found[0]

    def damage(self) -> str:
        """Check every row of the database. Return what is wrong with it, or ""."""
        return schema.damage(self.connection)

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a setting's JSON value. Raises UserError if it is damaged."""
        row = self.connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        if row is None:
            return default
        try:
            return read_setting(key, row[0])
        except UserError as error:
            raise DamagedWorkspace(str(error)) from None

    @property
    def recipe(self) -> Recipe:
        """How pictures are prepared for training. Change it by `SetSetting("recipe", recipe.to_json())`."""
        from trainer.protocol.recipe import Recipe

        return Recipe.from_json(self.setting("recipe", {}))

    @property
    def split_rule(self) -> SplitRule:
        """Which sprites are held out. Change it by `SetSetting("splits", rule.to_json())`."""
        from gandam_studio.core.workspace.split_rule import SplitRule

        return SplitRule.from_json(self.setting(SPLITS, {}))

    @property
    def manifests(self) -> Path:
        """The folder of manifests and their headers."""
        return self.folder / "manifests"

    def manifest_path(self, digest: str) -> Path:
        """Return the path of a manifest. Raises UserError for an invalid digest."""
        if not is_digest(digest):
            raise DamagedWorkspace("a version has no valid digest")
        return self.manifests / f"{digest}.jsonl"

    # Pictures

    def pixels(self, sprite: Sprite) -> np.ndarray:
        """Return the canonical RGBA of a sprite, (H, W, 4) uint8, as imported. Raises UserError if it is lost."""
        from gandam_studio.core.pictures.decoding import decode_part

        return decode_part(self.originals.read(sprite.blob), sprite.part)

    def picture(self, sprite: Sprite) -> np.ndarray:
        """Return the RGBA of a sprite as shown: cropped, rotated and flipped; (H, W, 4) uint8."""
        from gandam_studio.core.pictures.orienting import oriented

        return oriented(self.pixels(sprite), sprite.crop, sprite.rotation, sprite.flipped)


def _acquire(folder: Path) -> FileLock:
    """Acquire the folder's lock. Raises WorkspaceLocked, with the process that holds it."""
    # Not thread-local: the threads of the window share one lock.
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceLocked(
            f"{folder} is open in another window or command{_holder(folder)}; close that one first"
        ) from None
    except OSError as error:
        refused = WorkspaceUnwritable if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else UserError
        raise refused(f"cannot write in {folder}: {error.strerror or error}") from None
    with contextlib.suppress(OSError):
        # Only a courtesy to the next one who comes; the lock itself does not depend on it.
        descriptor = open_own(folder / HOLDER, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(str(os.getpid()))
    return lock


def _holder(folder: Path) -> str:
    try:
        return f" (process {int(read_regular(folder / HOLDER, 20, follow_links=False))})"
    except (OSError, ValueError):
        return ""


def _is_leftover(path: Path) -> bool:
    """Whether a file may be left over from an interrupted `create`."""
    return path.name in (LOCK, HOLDER) or path.name.startswith(_PARTIAL_PREFIX)


def _make_database(folder: Path) -> None:
    """Create the database of an empty workspace. It appears atomically, so no incomplete one is ever found."""
    if (folder / DATABASE).exists():  # created by another process while this one waited for the lock
        raise UserError(f"{folder} is a workspace already")
    partial = folder / f"{_PARTIAL_PREFIX}{os.urandom(16).hex()}"
    try:
        for path in folder.glob(f"{_PARTIAL_PREFIX}*"):
            path.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as connection:
            schema.prepare(connection)
        files.replace(partial, folder / DATABASE)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"cannot create {folder}: {error}") from None

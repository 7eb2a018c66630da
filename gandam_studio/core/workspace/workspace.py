"""The only door to a workspace's folder: window, command line and tests all use it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from gandam_studio.core.errors import DamagedWorkspace, UnknownSprite, UserError, WorkspaceLocked, WorkspaceNotFound
from gandam_studio.core.workspace import schema
from gandam_studio.core.workspace.history import Changes, History
from gandam_studio.core.workspace.naming import find_named
from gandam_studio.core.workspace.originals import Originals
from gandam_studio.core.workspace.own_files import require_plain
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.seqsets import Seqs, as_seqs, runs
from gandam_studio.core.workspace.settings import SPLITS, read_setting
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite
from gandam_studio.core.workspace.store import connect, damage_told, log_is_long
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
_BEGUN = f".{DATABASE}."


@dataclass(frozen=True)
class Counts:
    """How many sprites are in each state; `flipped` counts across the states, as its filter does."""

    undecided: int = 0
    kept: int = 0
    dropped: int = 0
    flipped: int = 0

    @property
    def total(self) -> int:
        """All sprites, the dropped ones included."""
        return self.undecided + self.kept + self.dropped


class Workspace:
    """A folder of sprites and everything decided about them.

    One writer at a time holds the folder's lock; readers need none. A Workspace belongs to the thread that opened
    it: other threads of the same program call `for_this_thread()`.

    Attributes:
        folder: the workspace's folder, absolute.
        read_only: True when edits are refused.
        originals: the files as they came.
        thumbnails: small pictures, by row number.
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
        """Make a workspace in a new or empty folder and open it. Raises UserError when the folder is in use."""
        folder = Path(folder).absolute()
        try:
            if (folder / DATABASE).exists():
                raise UserError(f"{folder} is a workspace already")
            begun = folder.is_dir() and all(map(_is_leftover, folder.iterdir()))
            if begun:
                outputs.check_place(folder)
            else:
                outputs.check_new_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except outputs.OutputError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"cannot make {shortened(str(folder), 200)}: {error.strerror or error}") from None
        return cls._open(folder, read_only=False, new=True)

    @classmethod
    def open(cls, folder: Path | str, *, read_only: bool = False) -> Workspace:
        """Open a workspace. Raises WorkspaceNotFound, WorkspaceLocked (another writer) or UserError (damaged)."""
        folder = Path(folder).absolute()
        try:
            size = (folder / DATABASE).stat().st_size if (folder / DATABASE).is_file() else -1
        except OSError as error:
            raise UserError(f"cannot open {shortened(str(folder), 200)}: {error.strerror or error}") from None
        if size < 0:
            raise WorkspaceNotFound(f"{folder} is no workspace; make one with: gandam-studio new {folder}")
        if not size:
            raise UserError(f"{folder / DATABASE} is empty: the workspace is damaged, or making it was interrupted")
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
                # What cannot be mended now (a full disk) still opens: readers do without.
                with contextlib.suppress(UserError, OSError):
                    workspace.originals.mend()
            return workspace
        except BaseException:
            if lock:
                lock.release()
            raise

    def for_this_thread(self) -> Workspace:
        """A second door for the calling thread, under the same lock; close it there."""
        connection = connect(self.folder / DATABASE, read_only=self.read_only)
        return Workspace(self.folder, connection, None, read_only=self.read_only, thumbnails=self.thumbnails)

    def close(self) -> None:
        """Let go of the folder; closing twice is harmless."""
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

    def apply(self, edit: Edit) -> Changes:
        """Carry out an edit and remember it, in one transaction. Raises UserError; nothing changes then."""
        self.require_writable()
        return self.history.apply(edit)

    def undo(self) -> Changes:
        """Take back the newest edit; falsy when there is none."""
        self.require_writable()
        return self.history.undo()

    def redo(self) -> Changes:
        """Bring back what was undone last; falsy when there is none."""
        self.require_writable()
        return self.history.redo()

    @property
    def log_is_long(self) -> bool:
        """True when `fold_log` has something to do."""
        return not self.read_only and log_is_long(self.folder / DATABASE)

    def fold_log(self) -> None:
        """Copy what has been committed from the write-ahead log into the database file; meant for a thread of its own.

        Nothing waits for it, neither readers nor the writer, and nothing is lost without it.
        """
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def require_writable(self) -> None:
        """Raise UserError when this door was opened for reading only."""
        if self.read_only:
            raise UserError(f"{self.folder} is open for reading only")

    # Queries

    def counts(self) -> Counts:
        """How many sprites are undecided, kept, dropped; and how many of all are flipped."""
        totals: dict[str, int] = {}
        flipped = 0
        query = "SELECT status, flipped, count(*) FROM sprites GROUP BY status, flipped"
        for status, mirrored, count in self.connection.execute(query):
            totals[status] = totals.get(status, 0) + count
            flipped += count if mirrored else 0
        return Counts(totals.get("undecided", 0), totals.get("kept", 0), totals.get("dropped", 0), flipped)

    def select(self, filter: Filter = Filter()) -> Seqs:  # noqa: B008 - frozen
        """Row numbers of the sprites a filter lets through, in its order."""
        return filter.select(self.connection)

    def sprite(self, seq: int) -> Sprite:
        """One sprite. Raises UnknownSprite."""
        if not 0 < int(seq) <= MAX_INTEGER:
            raise UnknownSprite(f"there is no sprite number {seq}")
        with damage_told():
            row = self.connection.execute(f"SELECT {COLUMNS} FROM sprites WHERE seq = ?", (int(seq),)).fetchone()
        if row is None:
            raise UnknownSprite(f"there is no sprite number {seq}")
        return Sprite.from_row(row)

    def sprites(self, seqs: Iterable[int] | Seqs | None = None) -> Iterator[Sprite]:
        """Sprites in order of row number; all of them when no rows are named. Rows are fetched as they are used."""
        with damage_told():
            if seqs is None:
                for row in self.connection.execute(f"SELECT {COLUMNS} FROM sprites ORDER BY seq"):
                    yield Sprite.from_row(row)
                return
            for first, last in runs(as_seqs(seqs)):
                query = f"SELECT {COLUMNS} FROM sprites WHERE seq BETWEEN ? AND ? ORDER BY seq"
                for row in self.connection.execute(query, (first, last)):
                    yield Sprite.from_row(row)

    def resolve(self, text: str) -> int:
        """The row number of a sprite named by file name, by id or an unambiguous prefix of it, or by (relative) path.

        Raises UnknownSprite when none or more than one answers.
        """
        found = find_named(self.connection, text)
        if not found:
            raise UnknownSprite(f"no sprite is named {shortened(text)!r}")
        if len(found) > 1:
            raise UnknownSprite(f"more than one sprite is named {shortened(text)!r}; give its path, or more of its id")
        return found[0]

    def damage(self) -> str:
        """What is wrong with the database, every row looked at; "" when nothing is."""
        return schema.damage(self.connection)

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting's JSON value. Raises UserError when it is damaged."""
        row = self.connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        if row is None:
            return default
        try:
            return read_setting(key, row[0])
        except UserError as error:
            raise DamagedWorkspace(str(error)) from None

    @property
    def recipe(self) -> Recipe:
        """How pictures are prepared for training; changed by `SetSetting("recipe", recipe.to_json())`."""
        from trainer.protocol.recipe import Recipe

        return Recipe.from_json(self.setting("recipe", {}))

    @property
    def split_rule(self) -> SplitRule:
        """How sprites are held out; changed by `SetSetting("splits", rule.to_json())`."""
        from gandam_studio.core.workspace.split_rule import SplitRule

        return SplitRule.from_json(self.setting(SPLITS, {}))

    @property
    def manifests(self) -> Path:
        """The folder of manifests and their headers."""
        return self.folder / "manifests"

    def manifest_path(self, digest: str) -> Path:
        """Where the manifest of that digest lies. Raises UserError for what is no digest."""
        if not is_digest(digest):
            raise DamagedWorkspace("a version has no valid digest")
        return self.manifests / f"{digest}.jsonl"

    # Pictures

    def pixels(self, sprite: Sprite) -> np.ndarray:
        """Canonical RGBA of a sprite as imported, (H, W, 4) uint8. Raises UserError when its original is gone."""
        from gandam_studio.core.pictures.decoding import decode_part

        return decode_part(self.originals.read(sprite.blob), sprite.part)

    def picture(self, sprite: Sprite) -> np.ndarray:
        """RGBA as the person sees it: cropped, rotated, flipped; (H, W, 4) uint8."""
        from gandam_studio.core.pictures.orienting import oriented

        return oriented(self.pixels(sprite), sprite.crop, sprite.rotation, sprite.flipped)


def _acquire(folder: Path) -> FileLock:
    """Take the folder's lock or say plainly who holds it."""
    # Not thread-local: the window's threads share one lock.
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceLocked(
            f"{folder} is open in another window or command{_holder(folder)}; close that one first"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write in {folder}: {error.strerror or error}") from None
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
    """Whether a file is what an interrupted `create` leaves behind."""
    return path.name in (LOCK, HOLDER) or path.name.startswith(_BEGUN)


def _make_database(folder: Path) -> None:
    """Make an empty workspace's database under its name at once, so that no half of one is ever found."""
    if (folder / DATABASE).exists():  # made by another process while this one waited for the lock
        raise UserError(f"{folder} is a workspace already")
    begun = folder / f"{_BEGUN}{uuid.uuid4().hex}"
    try:
        for path in folder.glob(f"{_BEGUN}*"):
            path.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(begun, isolation_level=None)) as connection:
            schema.prepare(connection)
        files.replace(begun, folder / DATABASE)
    except (OSError, sqlite3.Error) as error:
        begun.unlink(missing_ok=True)
        raise UserError(f"cannot make {folder}: {error}") from None

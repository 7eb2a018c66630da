"""Typed mutations of a workspace, its runs, manifests and exports, as by an attacker or a broken disk.

`mutate(dice, scene)` changes one scene (see `scenes.Scene`) and returns a line that says what it did.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenes import SECRET_NAME, Scene

# Values no field expects, from every kind of JSON there is.
ODD_TEXTS: tuple[str, ...] = (
    "null", "true", "-1", "0", "1e999", "-1e999", "NaN", "Infinity", "2147483648", "9223372036854775808",
    "-9223372036854775809", "1" + "0" * 400, "1.5", '""', '"x"', '"\\ud800"', '"\\u0000"', '"../../outside/secret.txt"',
    '"/dev/zero"', '"up"', "[]", "[1, 2]", "{}", '{"a": {"b": []}}', "[[[[]]]]", "[" * 3000 + "]" * 3000,
    '{"a":' * 500 + "1" + "}" * 500, '"' + "long " * 1000 + '"', '"' + "W" * 200_000 + '"', '"a\\nb"', '"²"',
    '"\\u202egnp.exe"',
)  # fmt: skip
CONTROLS: tuple[str, ...] = ('"\\u001b]0;title\\u0007"', '"a\\u001b[2Jb"', '"\\r\\u001b[31mred"')
ODD_CELLS: tuple[Any, ...] = (
    None, -1, 0, 2**62, 1.5, float("inf"), "", "x", "up", "../outside/secret.txt", "/dev/zero", b"\xff\xfe", "W" * 5000,
    "[1, 2]", "1,2", "-5,0,99999999,3", "NaN", "\x00", "²", "{}", "[" * 3000,
)  # fmt: skip


def mutate(dice: random.Random, scene: Scene) -> str:
    """Apply one mutation, chosen by `dice`."""
    kinds: list[Callable[[random.Random, Scene], str]] = [
        mutate_json, mutate_json, mutate_json, mutate_lines, mutate_lines, mutate_node, mutate_node, mutate_database,
        mutate_database, mutate_bytes, mutate_export, mutate_names,
    ]  # fmt: skip
    if scene.tries:
        kinds = [mutate_json, mutate_json, mutate_json, mutate_node, mutate_bytes]
    chosen = dice.choice(kinds)
    try:
        return chosen(dice, scene)
    except (
        ValueError,
        RecursionError,  # JSON that an earlier mutation made too deep
        LookupError,
        TypeError,
        OSError,
        sqlite3.Error,
    ) as error:  # what an earlier mutation left is not what this one can change
        return f"nothing: {type(error).__name__}"


def mutate_json(dice: random.Random, scene: Scene) -> str:
    """Replace one value in a JSON file."""
    path = dice.choice(_files(scene, (".json",)))
    value = json.loads(path.read_bytes())
    text = dice.choice((*ODD_TEXTS, *CONTROLS) if scene.tries else ODD_TEXTS)
    if not isinstance(value, (dict, list)) or dice.random() < 0.15:
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        return f"{scene.name_of(path)} is {text[:40]}"
    marker = "\ue000"
    keys = _replace_one(dice, value, marker)
    path.write_text(json.dumps(value).replace(json.dumps(marker), text), encoding="utf-8", errors="surrogatepass")
    return f"{scene.name_of(path)}: {keys} is {text[:40]}"


def mutate_lines(dice: random.Random, scene: Scene) -> str:
    """Change a value in one line of a JSON-lines file, tear a line, or add one."""
    path = dice.choice(_files(scene, (".jsonl",)))
    lines = path.read_bytes().splitlines()
    if not lines:
        lines = [b"{}"]
    at = dice.randrange(len(lines))
    kind = dice.randrange(5)
    said = ""
    if kind <= 2:
        value = json.loads(lines[at])
        text = dice.choice(ODD_TEXTS)
        keys = _replace_one(dice, value, "\ue000") if isinstance(value, dict) and value else ""
        lines[at] = json.dumps(value).replace(json.dumps("\ue000"), text).encode("utf-8", "surrogatepass")
        said = f"line {at + 1}: {keys} is {text[:40]}"
    elif kind == 3:
        lines[at] = lines[at][: dice.randrange(len(lines[at]) + 1)]
        said = f"line {at + 1} is torn"
    else:
        lines.insert(at, dice.choice(ODD_TEXTS).encode("utf-8", "surrogatepass"))
        said = f"a foreign line {at + 1}"
    path.write_bytes(b"\n".join(lines) + b"\n" * dice.randrange(2))
    return f"{scene.name_of(path)}: {said}"


def mutate_node(dice: random.Random, scene: Scene) -> str:
    """Turn a file or folder into something else: a folder, FIFO, device, link to a secret, loop, or nothing."""
    path = dice.choice([entry for entry in _everything(scene) if entry != scene.workspace])
    kinds = ["gone", "empty", "folder"]
    if os.name != "nt":
        kinds += ["fifo", "link to a secret", "link to outside", "loop", "zero device"]
    kind = dice.choice(kinds)
    was_folder = path.is_dir() and not path.is_symlink()
    shutil.rmtree(path) if was_folder else path.unlink()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
        (path / "something").write_bytes(b"else")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link to a secret":
        path.symlink_to(scene.outside / SECRET_NAME)
    elif kind == "link to outside":
        path.symlink_to(scene.outside, target_is_directory=True)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "zero device":
        try:
            os.mknod(path, 0o666 | 0o020000, os.makedev(1, 5))
        except OSError:
            path.write_bytes(b"")
    return f"{scene.name_of(path)} is now {kind}"


def mutate_database(dice: random.Random, scene: Scene) -> str:
    """Change a cell, a row, a table, a view or a trigger of the database."""
    path = scene.workspace / "workspace.sqlite"
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA writable_schema = OFF")
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            tables = [name for name in tables if not name.startswith("sqlite_")]
            said = _mutate_tables(dice, connection, tables)
            connection.commit()
    except sqlite3.Error as error:
        said = f"could not be changed: {error}"
    return f"workspace.sqlite: {said}"


def _mutate_tables(dice: random.Random, connection: sqlite3.Connection, tables: list[str]) -> str:
    table = dice.choice(tables)
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    kind = dice.randrange(12)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    if kind <= 6:
        column, value = dice.choice(columns), dice.choice(ODD_CELLS)
        one = f' WHERE rowid = (SELECT rowid FROM "{table}" ORDER BY random() LIMIT 1)' if dice.random() < 0.7 else ""
        try:
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ?{one}', (value,))
        except sqlite3.OperationalError:  # no rowid
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ?', (value,))
        return f"{table}.{column} is {str(value)[:30]!r}"
    if kind == 7:
        connection.execute(f'DROP TABLE "{table}"')
        return f"without {table}"
    if kind == 8:
        connection.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{columns[-1]}" TO "odd"')
        return f"{table}.{columns[-1]} has another name"
    if kind == 9:
        connection.execute(f'DROP TABLE "{table}"')
        body = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT " + ", ".join(
            f'x AS "{column}"' for column in columns
        )
        connection.execute(f'CREATE VIEW "{table}" AS {body} FROM n')
        return f"{table} is an endless view"
    if kind == 10:
        connection.execute(f'DELETE FROM "{table}"')
        return f"{table} is empty"
    connection.execute(f"PRAGMA {dice.choice(('user_version', 'application_id'))} = {dice.choice((0, 1, 2**31 - 1))}")
    return "another version or another program's"


def mutate_bytes(dice: random.Random, scene: Scene) -> str:
    """Damage, truncate or duplicate bytes of any file."""
    path = dice.choice([entry for entry in _files(scene, ()) if entry.stat().st_size])
    data = bytearray(path.read_bytes())
    at = dice.randrange(len(data))
    kind = dice.randrange(4)
    if kind == 0:
        data[at : at + 8] = dice.randbytes(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:at] = data[: dice.randrange(200)]
    else:
        data[at] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    return f"{scene.name_of(path)} is damaged at {at}"


def mutate_export(dice: random.Random, scene: Scene) -> str:
    """Redirect a path in an export or an entry of a zip."""
    archive = scene.exports / "stylegan.zip"
    if dice.random() < 0.4 and archive.is_file():
        target = dice.choice(("../escape.txt", "/escape.txt", "C:\\escape.txt", "a/../../escape.txt", "x" * 300))
        with zipfile.ZipFile(archive, "a") as stream:
            stream.writestr(target, b"escaped")
            if dice.random() < 0.5:
                stream.writestr("bomb.png", b"\0" * (64 << 20), zipfile.ZIP_DEFLATED)
        return f"stylegan.zip also holds {target[:30]}"
    folder = scene.exports / "imagefolder"
    tables = list(folder.rglob("metadata.jsonl"))
    if not tables:
        return "nothing: the export is gone"
    rows = [json.loads(line) for line in tables[0].read_text(encoding="utf-8").splitlines()]
    name = dice.choice(("../../../outside/secret.txt", str(scene.outside / SECRET_NAME), "/dev/zero", "..", "", "a\0b"))
    dice.choice(rows)["file_name"] = name
    tables[0].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"imagefolder names {name[:40]!r}"


def mutate_names(dice: random.Random, scene: Scene) -> str:
    """Add an unexpected folder with an unusual name."""
    parent = dice.choice((scene.workspace / "runs", scene.workspace / "runs" / "r2-b" / "checkpoints", scene.workspace))
    name = dice.choice(("²", "0" * 200, "9" * 200, "-1", "con", "a\u202eb", "r" * 240, "12", "\u0661", " ", "é\u0301"))
    with_config = dice.random() < 0.5
    try:
        (parent / name).mkdir(parents=True)
        # An earlier mutation may have made it a device, which would be copied without end.
        if with_config and (scene.workspace / "runs" / "r1-a" / "config.json").is_file():
            shutil.copy(scene.workspace / "runs" / "r1-a" / "config.json", parent / name / "config.json")
            (parent / name / "state.json").write_text("[1]", encoding="utf-8")
    except OSError as error:
        return f"nothing: {error}"
    return f"{scene.name_of(parent)} also has a folder {name[:20]!r}"


def _replace_one(dice: random.Random, value: Any, marker: str) -> str:
    """Replace one value inside `value` by `marker`; returns its path."""
    way: list[str] = []
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            if isinstance(value, dict):
                value["odd"] = marker
            else:
                value.append(marker)
            return ".".join([*way, "odd"])
        key = dice.choice(keys)
        way.append(str(key))
        child = value[key]
        if isinstance(child, (dict, list)) and dice.random() < 0.7:
            value = child
            continue
        value[key] = marker
        return ".".join(way)


def _everything(scene: Scene) -> list[Path]:
    if scene.tries:
        kept = scene.workspace / "runs" / "r1-a" / "explored.json"
        return [*sorted((scene.workspace / "experiments").rglob("*")), *([kept] if os.path.lexists(kept) else [])]
    found = [entry for root in (scene.workspace, scene.exports) for entry in sorted(root.rglob("*"))]
    return [entry for entry in found if entry.name != "workspace.lock"]


def _files(scene: Scene, endings: tuple[str, ...]) -> list[Path]:
    found = [entry for entry in _everything(scene) if entry.is_file() and not entry.is_symlink()]
    chosen = [entry for entry in found if not endings or entry.suffix in endings]
    readable = [entry for entry in chosen if not endings or _readable(entry)]
    return readable or found


def _readable(path: Path) -> bool:
    try:
        for line in path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]:
            json.loads(line)
    except (ValueError, RecursionError, OSError):
        return False
    return True

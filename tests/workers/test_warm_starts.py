"""A process that starts warm is one that a test can start, feed, read and kill like any other."""

from __future__ import annotations

import subprocess

from warm_starts import PICTURES, warm_command

COMMAND = warm_command("json.tool", ("--compact",), PICTURES)


def test_it_has_its_own_streams_words_and_exit_code() -> None:
    done = subprocess.run(COMMAND, input=b"[1, 2]", capture_output=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (b"[1,2]", b"")
    done = subprocess.run(COMMAND, input=b"[1, 2", capture_output=True)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Expecting" in done.stderr


def test_its_folder_and_environment_are_those_it_was_given(tmp_path, monkeypatch) -> None:
    (tmp_path / "one.json").write_text("{}")
    (tmp_path / "own.py").write_text("import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ['WARM']]))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("WARM", "yes")
    command = warm_command("own", ("a", "b c"), PICTURES)
    assert subprocess.run(command, capture_output=True, check=True).stdout == b'[["a", "b c"], "yes"]\n'
    done = subprocess.run([*COMMAND, "one.json"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.strip() == b"{}"


def test_killed_it_is_gone(tmp_path, monkeypatch) -> None:
    (tmp_path / "waits.py").write_text("import sys\nprint('here', flush=True)\nsys.stdin.read()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = warm_command("waits", (), PICTURES)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"here"
        process.kill()
        assert process.stdout.read() == b""  # nobody writes there any more, though it still waits for its input
        assert process.wait() != 0

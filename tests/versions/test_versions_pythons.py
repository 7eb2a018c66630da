"""Other Python versions compute the same digest: trainer.protocol.manifest and its imports are pure Python."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.protocol.manifest import ManifestEntry, manifest_bytes, manifest_digest

PROGRAM = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
import trainer.protocol.manifest as module
entries = [module.ManifestEntry.from_json(values) for values in json.load(sys.stdin)]
random.Random(int(sys.argv[2])).shuffle(entries)
print(sys.version_info[:2], module.manifest_digest(module.manifest_bytes(entries)))
"""


def entries() -> list[ManifestEntry]:
    dice = random.Random(5)
    weights = [1.0, 0.1 + 0.2, 1 / 3, 1e-6, 12345.678901, 2.5000004]
    return [
        ManifestEntry(
            id=f"{dice.getrandbits(256):064x}",
            source=dice.choice(["zaku.png", "ünï-ザク.png", 'quo"te\\.png', "a\u2028b.png"]),
            source_digest=f"{dice.getrandbits(256):064x}",
            width=dice.randint(1, 400),
            height=dice.randint(1, 400),
            crop=(1, 2, 3, 4) if index % 3 == 0 else None,
            rotation=index % 4,
            flip=index % 2 == 0,
            facing="left",
            tags=("b", "a", "é"),
            weight=dice.choice(weights),
        )
        for index in range(60)
    ]


def other_pythons() -> list[str]:
    """One interpreter for every other version (3.11 or later) on the path or from pyenv."""
    # Those of pyenv first: on the path it has shims, which may stand for no interpreter.
    folders = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin"))
    folders += [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if not p.endswith("shims")]
    found: dict[str, str] = {}
    for minor in range(11, 20):
        name = f"python3.{minor}"
        path = shutil.which(name, path=os.pathsep.join(map(str, folders)))
        if minor != sys.version_info.minor and path:
            found[name] = path
    return list(found.values())


def test_another_python_finds_the_same_digest(repository):
    pythons = other_pythons()
    if not pythons:
        pytest.skip("there is no other Python 3.11 or later on this machine")
    made = entries()
    expected = manifest_digest(manifest_bytes(made))
    data = json.dumps([json.loads(entry.line()) for entry in made])
    for seed, python in enumerate(pythons):
        done = subprocess.run(
            [python, "-I", "-c", PROGRAM, str(repository), str(seed)],
            input=data, capture_output=True, text=True, encoding="utf-8", timeout=60,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        version, digest = done.stdout.rsplit(maxsplit=1)
        assert digest == expected, version


def test_the_digest_is_fixed_for_ever():
    """A change of the canonical form would change the digests of all existing versions."""
    entry = ManifestEntry("a" * 64, "ザク.png", "b" * 64, 68, 56, tags=("b", "a"), crop=(1, 2, 3, 4), weight=1 / 3)
    assert entry.line().decode() == (
        '{"crop":[1,2,3,4],"facing":"unknown","family":"","flip":false,"height":56,"id":"' + "a" * 64 + '","part":"",'
        '"rotation":0,"source":"ザク.png","source_digest":"' + "b" * 64 + '","split":"train","status":"undecided",'
        '"tags":["a","b"],"weight":0.333333,"width":68}\n'
    )
    assert manifest_digest(manifest_bytes([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


numbers = st.integers(0, 1_000_000)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(max_size=12), min_size=5, max_size=5),
    st.lists(st.text(max_size=8), max_size=4),
    st.none() | st.tuples(numbers, numbers, numbers, numbers),
    st.floats(1e-6, 1e9) | st.integers(1, 1000),
    st.booleans(),
)
def test_a_line_is_what_an_encoder_of_json_makes(texts, tags, crop, weight, flip):
    source, part, family, facing, split = texts
    entry = ManifestEntry(
        "a" * 64, source, "b" * 64, 68, 56, part, crop, 3, flip, facing, tuple(tags), "kept", family, weight, split
    )
    values = {**dataclasses.asdict(entry), "tags": sorted(set(tags)), "weight": round(float(weight), 6)}
    expected = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert entry.line().decode() == f"{expected}\n"
    parsed = json.loads(entry.line())
    assert list(entry.values().items()) == list(parsed.items())
    assert [*map(type, entry.values().values())] == [*map(type, parsed.values())]


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_json_cannot_say_makes_no_line(weight: float):
    with pytest.raises(ValueError, match="weight"):
        dataclasses.replace(entries()[0], weight=weight).line()
    with pytest.raises(ValueError, match="weight"):
        dataclasses.replace(entries()[0], weight=weight).values()

"""A report is one page that loads nothing, whatever the run holds: structure, escaping, size, equal bytes, damage."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pages import STORED, Page, decoded, written
from PIL import Image
from recorded_runs import Recorder, diagnosis, make_run, recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.tastes import new_taste
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.reports.markup import data_block, element, readable, without_places
from gandam_studio.core.reports.pictures import LADDER, Measure, fitted, share, webp
from gandam_studio.core.reports.writing import LARGEST_PAGE, ReportPlan, write_report
from gandam_studio.core.runs.diagnosis_numbers import numbers_of
from gandam_studio.core.runs.labels import set_label
from trainer.protocol import events as ev
from trainer.protocol.diagnosis import COLLAPSED, HEALTHY
from trainer.protocol.diagnosis_cards import cards, summary
from trainer.protocol.events import Alarm, MetricMeasured
from trainer.protocol.manifest import ManifestEntry, manifest_bytes, manifest_digest
from trainer.protocol.run_directory import RunDirectory

LEADING_OUT = re.compile(r"""(?:https?:)?//[^\s"'<>]+""")


def told(run: RunDirectory, iterations: int = 400) -> RunDirectory:
    """A run with diagnoses, an alarm, measured quality and a jump."""
    recorder = Recorder(run)
    recorder.sample()
    for at in range(100, iterations + 1, 100):
        recorder.train(100, spikes=(150,))
        recorder.sample()
        recorder.diagnose(diagnosis(HEALTHY if at < 300 else COLLAPSED, "varied" if at < 300 else "alike"))
        recorder.write(MetricMeasured(name="kid", value=1 / at, low=0.5 / at, high=2 / at))
    recorder.write(ev.SpikeFound(spike_iteration=150, curve="loss_g", z=40.0))
    recorder.write(Alarm(about="collapse", state="raised", evidence=130.0, action="notify"))
    recorder.checkpoint()
    recorder.finish()
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return told(make_run(tmp_path / "runs" / "r1-test"))


# Structure


def test_a_page_is_whole_and_loads_nothing_from_elsewhere(run: RunDirectory, tmp_path: Path) -> None:
    page = written(run, tmp_path / "report.html")
    assert page.source.startswith("<!doctype html>\n<html lang=")
    for tag in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"):
            address = tag.attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (tag.name, name, address)
        assert "style" not in tag.attributes, tag
        assert not [name for name in tag.attributes if name.startswith("on")], tag
        assert tag.name not in ("iframe", "object", "embed", "base", "form"), tag
    assert "@import" not in page.source
    assert not re.search(r"url\(", page.source)
    assert LEADING_OUT.findall(re.sub(r"data:[^\"']*", "", page.source)) == []
    assert page.all("img") != []
    assert all(image.attributes.get("alt") is not None for image in page.all("img"))
    ids = [tag.attributes["id"] for tag in page.tags if "id" in tag.attributes]
    assert len(set(ids)) == len(ids)


def test_the_policy_allows_the_page_s_own_style_and_script_alone(run: RunDirectory, tmp_path: Path) -> None:
    page = written(run, tmp_path / "report.html")
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for element_, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{element_}>(.*?)</{element_}>", page.source, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    # The policy stands before everything that it is about.
    assert page.source.index("Content-Security-Policy") < page.source.index("<style>")


def test_everything_can_be_named_and_reached_without_seeing_it(run: RunDirectory, tmp_path: Path) -> None:
    page = written(run, tmp_path / "report.html")
    ids = {tag.attributes["id"]: tag for tag in page.tags if "id" in tag.attributes}
    for name in ("main", "header", "footer", "nav"):
        page.one(name)
    for link in page.all("a"):
        assert link.attributes["href"].removeprefix("#") in ids
    for section in page.all("section"):
        assert ids[section.attributes["aria-labelledby"]].text
    labelled = {label.attributes.get("for") for label in page.all("label")}
    for control in [*page.all("input"), *page.all("select")]:
        wrapped = any(control in label.inside for label in page.all("label"))
        named = control.attributes.get("id") in labelled or "aria-label" in control.attributes
        assert wrapped or named, control
    plots = page.all("svg", class_="plot")
    assert len(plots) >= 6
    for plot in plots:
        assert plot.attributes["role"] == "img"
        assert "at iteration" in next(tag for tag in plot.inside if tag.name == "title").text
    figures = page.all("figure", class_="chart")
    assert all(any(tag.name == "table" for tag in figure.inside) for figure in figures)
    assert all(tag.text for tag in page.all("th") if tag.attributes.get("scope") == "col")


def test_charts_keep_the_jump_of_a_single_iteration(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r1-test")
    recorder = Recorder(run)
    recorder.train(20_000, spikes=(13_331,), every=500)
    recorder.finish()
    page = written(run, tmp_path / "report.html")
    losses = next(figure for figure in page.all("figure", class_="chart") if "Losses" in figure.text)
    generator = [tag for tag in losses.inside if tag.name == "path" and tag.attributes["class"] == "raw s1"]
    (path,) = generator
    points = [tuple(map(int, pair.split(","))) for pair in path.attributes["d"].removeprefix("M").split("L")]
    assert len(points) < 3000
    x, y = min(points, key=lambda point: point[1])
    assert x == pytest.approx(2000 * 13_331 / 20_000, abs=4)
    others = [b for a, b in points if abs(a - x) > 8]
    assert y < min(others) - 100


def test_qualities_in_different_features_are_not_drawn_on_one_scale(tmp_path: Path) -> None:
    runs = []
    for name, features in (("r1-a", "random-conv-1"), ("r2-b", "lite0-front-1"), ("r3-c", "lite0-front-1")):
        runs.append(make_run(tmp_path / name))
        recorder = Recorder(runs[-1])
        for value in (4.0, 2.0):
            recorder.train(100)
            recorder.sample()
            recorder.write(MetricMeasured(name="kid", value=value, features=features))
        recorder.finish()
    page = written(runs, tmp_path / "report.html")
    figures = [figure for figure in page.all("figure", class_="chart") if figure.text.startswith("Quality")]
    lines = [sum("line" in tag.attributes.get("class", "").split() for tag in one.inside) for one in figures]
    assert lines == [1, 2]
    alone = written(runs[0], tmp_path / "alone.html")
    (figure,) = [figure for figure in alone.all("figure", class_="chart") if figure.text.startswith("Quality")]
    assert "random-conv-1" in figure.text


def test_a_chart_puts_values_where_they_belong(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r1-test")
    recorder = Recorder(run)
    for value in (0.0, 1.0, 0.25):
        recorder.train(100)
        recorder.sample()
        recorder.write(MetricMeasured(name="fid", value=value))
    recorder.finish()
    page = written(run, tmp_path / "report.html")
    figure = next(figure for figure in page.all("figure", class_="chart") if figure.text.startswith("fid"))
    (path,) = [tag for tag in figure.inside if tag.attributes.get("class") == "line s0"]
    (a, b, c) = [tuple(map(int, pair.split(","))) for pair in path.attributes["d"].removeprefix("M").split("L")]
    assert [a[0], b[0], c[0]] == [667, 1333, 2000]
    assert (a[1] - c[1]) / (a[1] - b[1]) == pytest.approx(0.25, abs=0.01)
    number = next(int(tag.attributes["data-line"].split(".")[0]) for tag in figure.inside if tag.name == "output")
    assert page.data["lines"][f"{number}.0"] == [0.0, 1.0, 0.25]


# What it says


def test_verdicts_have_the_words_and_numbers_of_the_window(run: RunDirectory, tmp_path: Path) -> None:
    text = written(run, tmp_path / "report.html").section("verdict").text
    found = diagnosis(COLLAPSED, "alike")
    assert summary(found).title in text
    assert summary(found).meaning in text
    for card in cards(found).values():
        assert card.title in text
        assert card.meaning in text
    for lines in numbers_of(found).values():
        assert all(line in text for line in lines.splitlines())
    assert "the samples look more and more alike (evidence 130 to 1)" in text


def test_the_slider_has_every_moment_with_its_exact_pixels(run: RunDirectory, tmp_path: Path) -> None:
    page = written(run, tmp_path / "report.html")
    data = page.data
    assert data["moments"] == [0, 100, 200, 300, 400]
    assert page.one("input", id="moment").attributes["max"] == "4"
    for which in ("fixed", "random"):
        assert [at for at, _, _ in data["runs"][0][which]] == data["moments"]
        for _, place, at in data["runs"][0][which]:
            saved = np.array(Image.open(run.path / f"samples/{which}-{at:08}.png").convert("RGB"))
            assert np.array_equal(decoded(page.pictures[place]), saved)
    assert data["runs"][0]["found"][-1] == [400, summary(diagnosis(COLLAPSED, "alike")).title, 400]
    assert "exact pixels" in page.section("watch").text
    assert "jump in the generator's loss" in page.one("select", id="notable").text


def test_differences_between_runs_are_told_as_the_window_does(tmp_path: Path) -> None:
    first = recorded(tmp_path / "runs" / "r1-test", iterations=200)
    one = recorded(tmp_path / "runs" / "r2-test", iterations=300, overrides=("optimiser.lr_d=0.5",))
    many = recorded(tmp_path / "runs" / "r3-test", iterations=100, overrides=("batch.size=8", "seed=3"), data_seed=1)
    page = written([first, one], tmp_path / "report.html")
    assert "One thing differs" in page.section("differences").text
    assert "Learning rate, discriminator" in page.section("differences").text
    assert page.data["moments"] == [0, 100, 200, 300]
    assert [run["last"] for run in page.data["runs"]] == [200, 300]
    page = written([first, one, many], tmp_path / "report.html")
    assert "confounded" in page.section("differences").text
    assert "20 sprites added" in page.section("data").text
    assert "20 sprites removed" in page.section("data").text
    assert written(first, tmp_path / "report.html").all("section", id="differences") == []


def test_runs_of_different_batches_are_compared_by_pictures_seen(tmp_path: Path) -> None:
    run = recorded(tmp_path / "runs" / "r1-test", iterations=200)
    other = make_run(tmp_path / "runs" / "r2-test", overrides=("batch.size=32",))
    recorder = Recorder(other)
    for at in (100, 200):
        first = at - 99
        recorder.iteration = at
        progress = ev.Progress(first_iteration=first, curves={"loss_g": [1.0] * 100})
        recorder.writer.write(dataclasses.replace(progress, iteration=at, images_seen=at * 32))
        recorder.sample()
    recorder.finish()
    page = written([run, other], tmp_path / "report.html")
    # Recorded runs see 64 pictures an iteration, this one 32.
    assert page.data["byPictures"]
    assert page.data["moments"] == [0, 3200, 6400, 12800]
    assert page.data["runs"][1]["fixed"][-1][::2] == [6400, 200]
    assert page.data["runs"][1]["last"] == 6400
    number = next(at for at, tag in enumerate(page.all("figure", class_="chart")) if "Generator's loss" in tag.text)
    assert page.data["lines"][f"{number}.1"] == [None, 1.0, 1.0, None]
    assert "compared by pictures seen" in page.section("watch").text
    assert "Pictures seen" in page.section("watch").text
    assert not written(run, tmp_path / "report.html").data["byPictures"]


def test_sprites_that_were_edited_are_shown_and_counted(tmp_path: Path) -> None:
    runs = [recorded(tmp_path / "runs" / f"r{number}-test", iterations=100) for number in (1, 2)]
    entries = [ManifestEntry(f"{index:064x}", f"{index:06}.png", "0" * 64, 32, 32) for index in range(20)]
    entries[3] = dataclasses.replace(entries[3], flip=True, facing="left")
    entries[7] = dataclasses.replace(entries[7], facing="right")
    runs[1].manifest_path.write_bytes(manifest_bytes(entries))
    text = written(runs, tmp_path / "report.html").section("data").text
    assert "2 sprites changed: 2 facing, 1 flipped" in text
    assert "000003.png, 000007.png" in text


def test_a_manifest_is_checked_against_the_name_of_the_version(tmp_path: Path) -> None:
    entries = [ManifestEntry(f"{index:064x}", f"{index:060x}"[-6:] + ".png", "0" * 64, 32, 32) for index in range(20)]
    digest = manifest_digest(manifest_bytes(entries))
    run = recorded(tmp_path / "r1-test", iterations=100, overrides=(f"origin.manifest={digest}",))
    text = written(run, tmp_path / "report.html").section("reproduce").text
    assert digest in text
    assert "has this digest" in text
    assert all(told in text for told in ("A processor", "Linux 6.1 x86_64", "3.11.2", "2.9.0"))
    run.manifest_path.write_bytes(manifest_bytes(entries[1:]))
    text = written(run, tmp_path / "report.html").section("reproduce").text
    assert "was altered" in text
    assert manifest_digest(manifest_bytes(entries[1:])) in text


def test_commands_train_such_a_run_again(tmp_path: Path) -> None:
    from gandam_studio.core.reports.facts import read_facts
    from gandam_studio.core.reports.reproducing import train_command
    from trainer.protocol.overrides import apply_overrides
    from trainer.protocol.presets import load_preset

    changes = ("seed=7", "optimiser.lr_g=3e-5", "architecture.generator_channels=16,8,8,8", "ema.enabled=false")
    run = recorded(tmp_path / "r1-test", iterations=100, overrides=(*changes, "origin.version=v3"))
    words = train_command(read_facts(run)).split()
    assert words[:6] == ["gandam-studio", "train", "--preset", "sprite-r3-cpu", "--version", "v3"]
    given = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    seed = words[words.index("--seed") + 1]
    again = apply_overrides(load_preset("sprite-r3-cpu"), [*given, f"seed={seed}"])
    assert again == dataclasses.replace(run.config(), origin=again.origin)


def test_a_run_made_before_networks_were_chosen_is_trained_again_with_its_own(tmp_path: Path) -> None:
    from gandam_studio.core.reports.facts import read_facts
    from gandam_studio.core.reports.reproducing import train_command
    from trainer.protocol import files
    from trainer.protocol.overrides import apply_overrides
    from trainer.protocol.presets import load_preset

    run = recorded(tmp_path / "r1-test", iterations=100)
    values = load_preset("sprite-r3-cpu").to_json()
    del values["architecture"]["wide_channels"], values["architecture"]["wide_from"]
    files.write_json(run.config_path, values)
    words = train_command(read_facts(run)).split()
    again = apply_overrides(
        load_preset("sprite-r3-cpu"), [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    )
    assert again.architecture.wide_from == 0
    assert again.architecture.generator_channels == run.config().architecture.generator_channels


# From outside


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><script>alert(2)</script>",
    "' onmouseover='alert(3)", "<!--", "]]>", "&lt;b&gt;", "javascript:alert(4)", "\u202egnp.exe", "a\u0000b\u001b[31m",
)  # fmt: skip


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    plain = written(recorded(tmp_path / "a" / "r1-test", iterations=200), tmp_path / "plain.html")
    run = make_run(tmp_path / "b" / "r1-test")
    everything = " ".join(HOSTILE)
    label = everything.replace("\0", "")  # a label with NUL is none
    (run.path / "about.json").write_text(json.dumps({"name": label[:150], "note": label}), encoding="utf-8")
    entries = [
        ManifestEntry(f"{index:064x}", f"{name}.png", "0" * 64, 32, 32, tags=(name.replace("\n", " "),), family=name)
        for index, name in enumerate(HOSTILE)
    ]
    run.manifest_path.write_bytes(manifest_bytes(entries))
    recorder = Recorder(run)
    recorder.sample()
    recorder.train(200)
    recorder.write(ev.RunWarning(message=everything, about=everything))
    recorder.write(MetricMeasured(name=HOSTILE[0], value=1.0))
    recorder.write(Alarm(about=HOSTILE[1], state="raised", evidence=3.0))
    recorder.write(ev.SpikeFound(spike_iteration=10, curve=HOSTILE[2], z=30.0))
    recorder.sample()
    recorder.write(ev.Progress(first_iteration=201, curves={HOSTILE[3]: [1.0, 2.0]}))
    recorder.fail(HOSTILE[1], everything)
    page = written(run, tmp_path / "report.html")
    for name in ("script", "style", "meta", "link"):
        assert len(page.all(name)) == len(plain.all(name)), name
    for tag in page.tags:
        assert not [name for name in tag.attributes if name.startswith("on")], tag
        assert tag.attributes.get("src", "data:").startswith("data:")
    assert "\u202e" not in page.source
    assert "\x00" not in page.source
    assert "\\u202egnp.exe" in page.source
    assert "<script>alert(1)</script>" in page.one("h1").text
    assert page.data["runs"][0]["title"].startswith("<script>alert(1)</script>")


def test_no_folder_of_the_machine_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path / "private folder" / "r1-test")
    recorder = Recorder(run)
    recorder.train(20)
    recorder.write(ev.RunWarning(message=f"cannot write {run.path}/trainer.log: disk full"))
    recorder.write(ev.RunWarning(message=r"cannot read C:\Users\someone\runs\x.npy"))
    recorder.fail("disk", f"cannot save {run.path}/checkpoints/00000020: disk full")
    run.dataset_path.unlink()
    page = written(run, tmp_path / "report.html")
    for part in (str(tmp_path), "private folder/", "someone", tmp_path.name):
        assert part not in page.source
    assert "disk full" in page.section("story").text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read /Users/me/a/b.png: gone", "cannot read …/b.png: gone"),
        (r"C:\Users\me\x.txt", "…/x.txt"),
        ("12 / 24 pictures, and/or 3/4", "12 / 24 pictures, and/or 3/4"),
        ("checkpoints/00000500", "checkpoints/00000500"),
        ("'/tmp/a b/c.txt'", "'…/c.txt'"),
        (r"\\server\share\x.npy is gone", r"\…/x.npy is gone"),
    ],
)
def test_paths_lose_their_folders(text: str, shown: str) -> None:
    assert without_places(text) == shown


@given(st.text())
def test_any_text_comes_back_as_it_was_written(text: str) -> None:
    source = element("p", text, title=text) + data_block("moments", {"text": text})
    page = Page(source)
    line_ends = readable(text).replace("\r\n", "\n").replace("\r", "\n")
    assert page.one("p").text == line_ends
    assert page.one("p").attributes["title"] == line_ends
    assert page.data == {"text": text}


# Size


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, (8, 12, 4)), st.sampled_from([measure.bits for measure in LADDER]))
def test_colours_are_off_by_no_more_than_is_said(pixels: np.ndarray, bits: int) -> None:
    import io

    with Image.open(io.BytesIO(webp(pixels, bits))) as picture:
        back = np.array(picture.convert("RGBA"))
    assert np.array_equal(back[..., 3], pixels[..., 3])
    seen = pixels[..., 3] > 0  # what is clear has no colour
    off = np.abs(back[..., :3].astype(int) - pixels[..., :3])[seen]
    assert off.max(initial=0) <= Measure(bits).error
    assert Measure(bits).error <= 9


@pytest.mark.parametrize("most", [60_000, 150_000, 400_000, 1_000_000])
def test_a_page_stays_below_its_limit_and_says_what_was_left_out(tmp_path: Path, most: int) -> None:
    run = make_run(tmp_path / "runs" / "r1-test")
    recorder = Recorder(run)
    rng = np.random.default_rng(0)
    for _ in range(40):
        recorder.train(50)
        recorder.sample()
        for which in ("fixed", "random"):
            noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(run.path / f"samples/{which}-{recorder.iteration:08}.png")
    recorder.finish()
    small = written(run, tmp_path / "small.html", dataclasses.replace(STORED, most=0))
    bare = len(small.source.encode()) - sum(map(len, small.pictures))
    plan = dataclasses.replace(STORED, most=bare + most)
    answer = write_report([run], tmp_path / "report.html", plan)
    # Grids may always take 200,000 bytes: a page without samples helps nobody.
    assert answer["bytes"] == (tmp_path / "report.html").stat().st_size
    assert answer["bytes"] <= bare + max(most, 200_000) + 20_000
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    shown = [at for at, _, _ in page.data["runs"][0]["fixed"]]
    assert shown[0] == 50
    assert shown[-1] == 2000
    assert answer["moments"] == [len(shown)]
    assert answer["known"] == [40]
    text = page.section("watch").text
    if len(shown) < 40:
        assert f"{len(shown)} of 40 moments with samples" in text
        missing = next(at for at in range(50, 2001, 50) if at not in shown)
        assert f"left out: {missing:,}" in text
    first = next(place for at, place, _ in page.data["runs"][0]["fixed"] if at == 50)
    saved = np.array(Image.open(run.path / "samples/fixed-00000050.png"))
    if "of its rows" not in text:
        assert np.array_equal(decoded(page.pictures[first]), saved)


@pytest.mark.slow
def test_a_hundred_large_grids_take_less_than_ten_megabytes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "r1-test")
    recorder = Recorder(run)
    rng = np.random.default_rng(0)
    for _ in range(100):
        recorder.train(20)
        recorder.sample()
        for which in ("fixed", "random"):
            noise = rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)
            Image.fromarray(noise).save(run.path / f"samples/{which}-{recorder.iteration:08}.png")
    recorder.finish()
    answer = write_report([run], tmp_path / "report.html", STORED)
    assert answer["bytes"] <= LARGEST_PAGE
    assert answer["moments"][0] >= 5


@pytest.mark.slow
def test_four_runs_of_large_pictures_take_less_than_ten_megabytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def noise(height: int, *names: Path) -> None:
        for name in names:
            Image.fromarray(rng.integers(0, 256, (height, height, 3), dtype=np.uint8)).save(name)

    runs = []
    for number in range(4):
        run = make_run(tmp_path / "runs" / f"r{number}-test", overrides=("data.size=64",), sprites=24)
        np.save(run.dataset_path, rng.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8))
        recorder = Recorder(run)
        recorder.train(20)
        names = [f"samples/{which}-{recorder.iteration:08}.png" for which in ("fixed", "random")]
        noise(768, *(run.path / name for name in names))
        recorder.write(ev.SamplesSaved(fixed=names[0], random=names[1], rows=12, columns=12, size=64))
        recorder.diagnose(diagnosis(HEALTHY, "varied"))
        noise(512, *run.path.glob("samples/nearest*"), *run.path.glob("samples/group*"))
        recorder.finish()
        runs.append(run)
    assert write_report(runs, tmp_path / "report.html", STORED)["bytes"] <= LARGEST_PAGE


def test_more_than_two_runs_share_the_room_of_two() -> None:
    assert [runs * share(900, runs) for runs in range(1, 5)] == [900, 1800, 1800, 1800]


def test_a_sheet_that_is_too_large_loses_colours_first_and_then_rows() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    data, bits, rows = fitted(noise, 10**9, 4)
    assert (bits, rows) == (8, 4)
    data, bits, rows = fitted(noise, 12_000, 4)
    assert bits < 8
    assert rows == 4
    assert len(data) <= 12_000
    data, bits, rows = fitted(noise, 6_000, 4)
    assert (bits, rows) == (4, 2)
    assert len(data) <= 6_000


def test_equal_runs_give_equal_bytes(run: RunDirectory, tmp_path: Path) -> None:
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    written(run, first)
    moved = tmp_path / "elsewhere" / run.name
    shutil.copytree(run.path, moved)
    written(RunDirectory(moved), second)
    assert first.read_bytes() == second.read_bytes()


# Damage


def damaged(run: RunDirectory, what: str) -> None:
    if what == "torn events":
        data = run.events_path.read_bytes()
        run.events_path.write_bytes(data[: len(data) // 2] + b"\xff\xfe garbage {{{\n")
    elif what == "no events":
        run.events_path.unlink()
    elif what == "a folder for events":
        run.events_path.unlink()
        run.events_path.mkdir()
    elif what == "no samples":
        shutil.rmtree(run.samples_path)
    elif what == "broken samples":
        for path in run.samples_path.iterdir():
            path.write_bytes(path.read_bytes()[:50])
    elif what == "links":
        for path in list(run.samples_path.iterdir()):
            path.unlink()
            path.symlink_to("/etc/passwd")
    else:
        files = {"settings": "config.json", "manifest": "manifest.jsonl", "pictures": "dataset.npy"}
        (run.path / files.get(what.split()[1], "dataset.json")).write_bytes(b"\x00{]")


@pytest.mark.parametrize(
    "what",
    [
        "torn events", "no events", "a folder for events", "no samples", "broken samples", "links", "broken settings",
        "broken manifest", "broken pictures", "broken ids",
    ],
)  # fmt: skip
def test_a_damaged_run_gives_a_page_that_says_so(run: RunDirectory, tmp_path: Path, what: str) -> None:
    if what == "links" and not hasattr(Path, "symlink_to"):
        pytest.skip("no links here")
    damaged(run, what)
    page = written(run, tmp_path / "report.html")
    text = " ".join(tag.text for tag in page.all("div", class_="missing")) + page.section("watch").text
    assert {
        "torn events": "damaged lines", "no events": "no events yet", "a folder for events": "events",
        "no samples": "None of its samples can be read", "broken samples": "None of its samples can be read",
        "links": "None of its samples can be read", "broken settings": "settings cannot be read",
        "broken manifest": "list of its sprites", "broken pictures": "training pictures",
        "broken ids": "description of its pictures",
    }[what] in text  # fmt: skip


def test_a_run_that_trains_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r1-test")
    recorder = Recorder(run)
    recorder.sample()
    recorder.train(120)
    with run.locked():
        page = written(run, tmp_path / "report.html")
    assert "still running" in page.one("header").text
    assert "ends at 120" in page.one("header").text
    assert page.data["moments"] == [0]


def test_a_run_of_before_there_were_diagnoses_and_one_without_a_discriminator(tmp_path: Path) -> None:
    old = written(recorded(tmp_path / "a" / "r1-test", iterations=200), tmp_path / "report.html")
    assert "It was not diagnosed" in old.one("header").text
    assert "No diagnosis" in old.section("verdict").text
    run = make_run(tmp_path / "b" / "r1-test")
    recorder = Recorder(run)
    recorder.sample()
    for first in range(1, 200, 20):
        recorder.iteration = first + 19
        recorder.write(ev.Progress(first_iteration=first, curves={"loss_g": [0.5] * 20, "loss_flow": [0.1] * 20}))
    recorder.sample()
    recorder.finish()
    page = written(run, tmp_path / "report.html")
    titles = [tag.text for tag in page.all("h4")]
    assert "Losses" in titles
    assert "loss_flow" in titles
    assert "Scores by the discriminator" not in titles


# Writing


class Counting(NullJob):
    """Cancels at the given check."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, count: int = 1) -> None:
        self.check()

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled


@pytest.mark.parametrize("after", [0, 2, 5, 14])
def test_a_cancelled_report_leaves_what_was_there(run: RunDirectory, tmp_path: Path, after: int) -> None:
    target = tmp_path / "out" / "report.html"
    target.parent.mkdir()
    target.write_text("before")
    with pytest.raises(Cancelled):
        write_report([run], target, STORED, force=True, job=Counting(after))
    assert target.read_text() == "before"
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_refusals(run: RunDirectory, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("before")
    for runs, out, words in (
        ([run], target, "exists"), ([run], tmp_path / "report.pdf", "must end in .html"),
        ([run], tmp_path / "nowhere" / "report.html", "there is no folder"), ([], tmp_path / "a.html", "one to 4 runs"),
        ([run] * 5, tmp_path / "a.html", "one to 4 runs"), ([run], run.samples_path / "a.html", "part of the run"),
        ([RunDirectory(tmp_path / "none")], tmp_path / "a.html", "there is no folder"),
        ([RunDirectory(tmp_path)], tmp_path / "a.html", "not a run's folder"), ([run], Path("a.html"), "full path"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            write_report(runs, out, STORED)
    assert target.read_text() == "before"
    with pytest.raises(UserError, match="no checkpoint"):
        write_report([run], tmp_path / "a.html", ReportPlan(samples=4, iteration="17"))


def test_names_of_runs_are_told(run: RunDirectory, tmp_path: Path) -> None:
    set_label(run.path, name="Knights", note="first\nsecond")
    page = written(run, tmp_path / "report.html")
    assert page.one("h1").text == "Knights (r1)"
    assert page.one("p", class_="note").text == "first\nsecond"


def test_commands_to_paste_hold_no_other(tmp_path: Path) -> None:
    odd = told(make_run(tmp_path / "runs" / "r1-x; touch $HOME"))
    write_report([odd], tmp_path / "report.html", ReportPlan(samples=0))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    commands = [text for tag in page.all("code") if odd.name in (text := tag.text)]
    assert commands
    assert all(odd.name in shlex.split(text) for text in commands)


def test_blind_tests_of_the_runs_are_told(tmp_path: Path) -> None:
    runs = [recorded(tmp_path / "runs" / name, iterations=100) for name in ("r1-a", "r2-b")]
    page = written(runs, tmp_path / "report.html")
    assert page.all("section", id="eye") == []
    test = new_taste(tmp_path, "r1-a@50", "r2-b@100", count=400, reals=0)
    for number in range(60):
        test.pick(test.pair(number).left[0] == "b")
    words = written(runs, tmp_path / "report.html").section("eye").text
    assert "r2-b, iteration 100 is preferred" in words
    assert "0 of 60" in words
    page = written(runs[:1], tmp_path / "report.html")
    assert page.all("section", id="eye") == [], "the other run is not shown"

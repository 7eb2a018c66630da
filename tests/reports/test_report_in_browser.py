"""A report driven in a browser as a person would: keys, mouse, colours, paper, and no request that leaves the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, browser, why_no_browser
from contrast import TEXT, ratio
from pages import written
from PIL import Image
from recorded_runs import Recorder, diagnosis, make_run, recorded

from trainer.protocol.diagnosis import COLLAPSED, HEALTHY
from trainer.protocol.resources import resource_path

pytestmark = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser() or "-")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of one run, and of two."""
    folder = tmp_path_factory.mktemp("reports")
    run = make_run(folder / "runs" / "r1-test")
    recorder = Recorder(run)
    recorder.sample()
    for at in range(100, 601, 100):
        recorder.train(100)
        recorder.sample()
        recorder.diagnose(diagnosis(HEALTHY if at < 400 else COLLAPSED, "varied" if at < 400 else "alike"))
    recorder.finish()
    other = recorded(folder / "runs" / "r2-test", iterations=300, overrides=("batch.size=8",))
    written(run, folder / "one.html")
    written([run, other], folder / "two.html")
    return {"one": folder / "one.html", "two": folder / "two.html"}


@pytest.fixture
def one(shown: Browser, pages: dict[str, Path]) -> Iterator[Browser]:
    shown.look()
    shown.open(pages["one"])
    shown.settle()
    yield shown
    assert shown.complaints == []
    assert [address for address in shown.requests if not address.startswith("file:")] == []
    assert len(shown.requests) == 1


def when(shown: Browser) -> int:
    text = shown.run("document.querySelector('#when').textContent")
    return int(text.removeprefix("iteration ").replace(",", ""))


def picture(shown: Browser, query: str = ".grid img") -> str:
    return shown.run(f"document.querySelector('{query}').src")


def cursor(shown: Browser) -> set[str]:
    return set(shown.run("[...document.querySelectorAll('.cursor')].map(line => line.getAttribute('x1'))"))


def test_keys_move_samples_charts_and_values_together(one: Browser) -> None:
    assert when(one) == 600
    last = picture(one)
    one.run("document.querySelector('#moment').focus()")
    one.press("ArrowLeft", 2)
    assert when(one) == 400
    assert picture(one) != last
    assert cursor(one) == {f"{100 * 400 / 600}%"}
    assert one.run("document.querySelector('#moment').getAttribute('aria-valuetext')").startswith("Iteration 400. Coll")
    assert "400" in one.run("document.querySelector('.grid img').alt")
    value = one.run("document.querySelector('[data-line]').textContent")
    one.press("Home")
    assert when(one) == 0
    assert cursor(one) == {"0%"}
    assert one.run("document.querySelector('.found').textContent") == ""
    assert one.run("document.querySelector('[data-line]').textContent") != value
    one.press("End")
    assert when(one) == 600
    assert picture(one) == last
    # From anywhere on the page too.
    one.run("document.activeElement.blur()")
    one.press("ArrowLeft")
    assert when(one) == 500


def test_the_charts_numbers_are_those_of_the_moment(one: Browser) -> None:
    told = one.run("JSON.parse(document.querySelector('#moments').textContent)")
    for place in (1, 4):
        one.run(f"(() => {{ const m = document.querySelector('#moment'); m.value = {place};"
                " m.dispatchEvent(new Event('input')); })()")  # fmt: skip
        shown = one.run("[...document.querySelectorAll('[data-line]')].map(v => [v.dataset.line, v.textContent])")
        for line, text in shown:
            value = told["lines"][line][place]
            share = 100 if int(line.split(".")[0]) in told["percent"] else 1
            assert float(text.removesuffix(" %")) == pytest.approx(share * value, rel=6e-3, abs=1e-6)


def test_a_click_in_a_chart_and_the_list_of_moments_move_the_slider(one: Browser) -> None:
    box = one.run("(() => { const p = document.querySelectorAll('.plot')[3]; p.scrollIntoView({block: 'center', "
                  "behavior: 'instant'}); const b = p.getBoundingClientRect(); "
                  "return [b.left, b.top, b.width, b.height]; })()")  # fmt: skip
    x, y = box[0] + box[2] * 0.34, box[1] + box[3] / 2
    one.mouse("mousePressed", x, y)
    assert when(one) == 200
    one.mouse("mouseMoved", box[0] + box[2] * 0.82, y, held=True)
    one.mouse("mouseReleased", box[0] + box[2] * 0.82, y)
    assert when(one) == 500
    one.run("(() => { const n = document.querySelector('#notable'); n.selectedIndex = 0;"
            " n.dispatchEvent(new Event('change')); })()")  # fmt: skip
    assert when(one) == 0


def test_new_samples_replace_the_same_ones(one: Browser) -> None:
    same = picture(one)
    one.run("document.querySelector('input[value=random]').click()")
    assert picture(one) != same
    one.run("document.querySelector('input[value=fixed]').click()")
    assert picture(one) == same


def test_play_runs_to_the_end_and_stops(one: Browser) -> None:
    one.run("document.querySelector('#play').click()")
    assert one.run("document.querySelector('#play').textContent") == "Pause"
    one.run("new Promise(done => { const look = setInterval(() => { if (document.querySelector('#play').textContent "
            "=== 'Play') { clearInterval(look); done(); } }, 50); })")  # fmt: skip
    assert when(one) == 600


def test_the_wipe_by_keys_and_by_dragging(one: Browser, tmp_path: Path) -> None:
    def edge() -> str:
        return one.run("document.querySelector('#wiping').style.getPropertyValue('--cut')")

    assert edge() == "50%"
    left, right = picture(one, "#wipe-a"), picture(one, "#wipe-b")
    assert left != right
    assert one.run("document.querySelector('#wipe-a').alt") == "Left: samples at iteration 0"
    one.run("document.querySelector('#cut').focus()")
    one.press("ArrowRight", 3)
    assert edge() == "53%"
    box = one.run("(() => { const m = document.querySelector('#wiping'); m.scrollIntoView({block: 'center', "
                  "behavior: 'instant'}); const b = m.getBoundingClientRect(); "
                  "return [b.left, b.top, b.width, b.height]; })()")  # fmt: skip
    one.mouse("mousePressed", box[0] + box[2] * 0.25, box[1] + 20)
    one.mouse("mouseMoved", box[0] + box[2] * 0.75, box[1] + 20, held=True)
    one.mouse("mouseReleased", box[0] + box[2] * 0.75, box[1] + 20)
    assert edge() == "75%"
    assert one.run("document.querySelector('#cut').value") == "75"
    one.settle()
    # What is seen: the left picture up to the edge, the right one beyond it.
    one.picture(tmp_path / "wipe.png")
    seen = np.array(Image.open(tmp_path / "wipe.png").convert("RGB")).astype(int)
    x, y, width, height = (round(number) for number in box)
    part = seen[y : y + height, x : x + width]
    one.run(
        "document.querySelector('#cut').value = 100; document.querySelector('#cut').dispatchEvent(new Event('input'))"
    )
    one.settle()
    one.picture(tmp_path / "left.png")
    whole = np.array(Image.open(tmp_path / "left.png").convert("RGB")).astype(int)[y : y + height, x : x + width]
    near = slice(0, round(width * 0.72))
    assert np.abs(part[:, near] - whole[:, near]).max() == 0
    beyond = slice(round(width * 0.78), width - 4)
    assert np.abs(part[:, beyond] - whole[:, beyond]).mean() > 5
    one.run("(() => { const s = document.querySelector('#wipe-at-a'); s.selectedIndex = s.options.length - 1;"
            " s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    assert picture(one, "#wipe-a") == right


def test_two_runs_share_the_slider_and_the_wipe(shown: Browser, pages: dict[str, Path]) -> None:
    shown.look()
    shown.open(pages["two"])
    shown.settle()
    assert shown.run("document.querySelectorAll('.grid img').length") == 2
    ats = shown.run("[...document.querySelectorAll('.grid .at')].map(at => at.textContent)")
    assert ats == ["iteration 600", "iteration 300 (it ended)"]
    assert shown.run("document.querySelector('#wipe-run-b').selectedIndex") == 1
    alts = shown.run("['a', 'b'].map(side => document.querySelector('#wipe-' + side).alt)")
    assert alts == ["Left: r1-test, samples at iteration 600", "Right: r2-test, samples at iteration 300"]
    assert shown.complaints == []


def test_pixels_are_enlarged_by_whole_ones(one: Browser) -> None:
    for dots in (1, 2, 1.5):
        one.look(dots=dots)
        one.settle()
        sizes = one.run("[...document.querySelectorAll('img.sheet')].map(i => [i.getBoundingClientRect().width * "
                        "devicePixelRatio, i.naturalWidth])")  # fmt: skip
        assert sizes
        for drawn, own in sizes:
            assert drawn / own == pytest.approx(round(drawn / own), abs=0.02)


@pytest.mark.parametrize("page", ["one", "two"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_nothing_sticks_out_at_any_width(shown: Browser, pages: dict[str, Path], page: str, width: int) -> None:
    shown.look(width=width, height=800, dots=2 if width < 500 else 1, phone=width < 500)
    shown.open(pages[page])
    shown.settle()
    shown.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    shown.settle()
    assert shown.run("document.documentElement.scrollWidth") <= width
    shown.look()


def test_every_control_is_reached_by_tab_and_shows_it(one: Browser) -> None:
    wanted = one.run("[...document.querySelectorAll('a, button, input, select, summary')]"
                     ".filter(part => part.checkVisibility()).length")  # fmt: skip
    one.run("window.scrollTo(0, 0); document.activeElement.blur()")
    reached, seen = set(), 0
    for _ in range(200):
        one.press("Tab")
        state = one.run(
            "(() => { const part = document.activeElement; const style = getComputedStyle(part); "
            "part.dataset.seen = part.dataset.seen || String(Math.random()); "
            "return [part.tagName, part.dataset.seen, style.outlineStyle, style.outlineWidth]; })()"
        )
        if state[0] == "BODY" or state[1] in reached:
            break
        reached.add(state[1])
        seen += 1
        assert state[2] == "solid", state
        assert state[3] == "3px", state
    # Of two radio buttons, Tab reaches the chosen one.
    assert seen >= wanted - 1


def test_dark_follows_the_system(one: Browser) -> None:
    def background() -> str:
        return one.run("getComputedStyle(document.body).backgroundColor")

    light = background()
    one.look(dark=True)
    one.settle()
    assert background() != light
    assert sum(map(int, re.findall(r"\d+", background()))) < 150
    one.look()


def test_without_scripts_the_page_still_tells(shown: Browser, pages: dict[str, Path]) -> None:
    shown.look()
    shown.open(pages["one"], scripts=False)
    assert shown.complaints == []
    shown.call("Emulation.setScriptExecutionDisabled", value=False)
    assert shown.run("document.querySelector('.grid img').complete")
    assert shown.run("document.querySelector('.grid img').naturalWidth") > 0
    assert not shown.run("document.querySelector('#controls').checkVisibility()")
    assert shown.run("document.querySelector('.plot .line').getBoundingClientRect().width") > 100


def test_it_can_be_printed(one: Browser) -> None:
    paper = one.printed()
    assert paper.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 30


def test_the_verdicts_of_several_runs_are_on_paper_too(shown: Browser, pages: dict[str, Path]) -> None:
    shown.look()
    shown.open(pages["two"])
    shown.settle()
    closed = "document.querySelectorAll('.judged details:not([open])').length"
    assert shown.run(closed) > 0
    shown.run("dispatchEvent(new Event('beforeprint'))")
    assert shown.run(closed) == 0
    shown.run("dispatchEvent(new Event('afterprint'))")
    assert shown.run(closed) > 0


def test_the_colours_can_be_read() -> None:
    css = resource_path("report", "report.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{([^}]*)\}", css)[:2]
    for scheme in (light, dark):
        found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))
        colours = {name: np.array([int(value[at : at + 2], 16) for at in (1, 3, 5)]) for name, value in found.items()}
        for text in ("text", "second", "accent", "good", "bad", "warn", *(f"p{number}" for number in range(8))):
            for ground in ("page", "panel", "soft"):
                assert ratio(colours[text], colours[ground]) >= (TEXT if text in ("text", "second", "accent") else 4.0)
        assert ratio(colours["on-accent"], colours["accent"]) >= TEXT

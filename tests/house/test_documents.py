"""The documents are correct: what they name exists, links resolve, generated parts are up to date, the site builds."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gandam_studio import reference
from gandam_studio.cli import SUBCOMMANDS, studio
from trainer.cli import main as trainer

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BY_NAME = [path.relative_to(ROOT).as_posix() for path in PAGES]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"`((?:gandam_studio|trainer|tests|resources|docs|data|\.github|\.ci)/[\w./-]*)`")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


def called(page: Path, program: str) -> Iterator[list[str]]:
    """Arguments of a program's command lines in a page's code, without generated parts; lines may be continued."""
    text = reference.BLOCK.sub("", page.read_text(encoding="utf-8")).replace("\\\n", " ")
    for line in re.findall(rf"^(?:    )?{re.escape(program)} (.+)$", text, re.MULTILINE):
        yield shlex.split(line.split("  #")[0])


def test_generated_parts_are_up_to_date() -> None:
    command = [sys.executable, "-m", "gandam_studio.reference", "docs"]
    done = subprocess.run([*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}run: python -m gandam_studio.reference docs"


def test_a_stale_part_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- generated: presets -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    check = [sys.executable, "-m", "gandam_studio.reference", str(tmp_path)]
    assert subprocess.run([*check, "--check"], capture_output=True, check=False).returncode == 1
    subprocess.run(check, capture_output=True, check=True)
    text = page.read_text(encoding="utf-8")
    assert "sprite-r3" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert subprocess.run([*check, "--check"], capture_output=True, check=False).returncode == 0


def test_every_block_is_used() -> None:
    used = {name for page in PAGES for name in re.findall(r"<!-- generated: (\w+) -->", page.read_text("utf-8"))}
    assert used == set(reference.BLOCKS)


def test_every_command_and_option_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    context = click.Context(studio, info_name="gandam-studio")
    for name in SUBCOMMANDS:
        command = studio.get_command(context, name)
        assert command is not None
        described = entries[name] + (entries["Filters"] if "(#filters)" in entries[name] else "")
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"
                assert option.opts[0] in described, f"{name} {option.opts[0]}"


def test_every_command_is_in_the_table_of_json() -> None:
    table = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    for name in SUBCOMMANDS:
        assert f"`{name}`" in table, name


def test_commands_in_documents_exist() -> None:
    lines = [arguments for page in PAGES for arguments in called(page, "gandam-studio")]
    assert len(lines) > 20
    for name, *arguments in lines:
        command = studio.get_command(click.Context(studio), name)
        assert command is not None, name
        # Parsing is enough: it fails for options that do not exist and for values they refuse.
        command.make_context(name, arguments, resilient_parsing=False)


def test_trainer_commands_in_documents_exist() -> None:
    lines = [arguments for page in PAGES for arguments in called(page, "python -m trainer")]
    assert len(lines) > 2
    for name, *arguments in lines:
        command = trainer.get_command(click.Context(trainer), name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= known, arguments


@pytest.mark.parametrize("page", PAGES, ids=BY_NAME)
def test_links_resolve(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith(("https://", "#")):
            assert (page.parent / link.split("#")[0]).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=BY_NAME)
def test_places_named_in_documents_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        pytest.skip("it names what was there once")
    for place in PLACE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize(("name", "lines"), [("README.md", 150), ("ARCHITECTURE.md", 100)])
def test_overviews_stay_short(name: str, lines: int) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= lines


def test_the_readme_has_the_commands_that_ci_runs() -> None:
    readme, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    assert "    python3 .ci/setup --tests && .venv/bin/python -m pytest\n" in readme
    assert ".ci/setup --tests" in ci
    assert "-m pytest" in ci


def test_the_map_has_the_floors_of_the_contracts() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = [contract for contract in settings["contracts"] if contract["type"] == "layers"]
    assert len(floors) >= 2
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.split("```")[1].splitlines()]
    for contract in floors:
        row = 0
        for layer in contract["layers"]:
            below = [number for number, cells in enumerate(rows) if number >= row and layer in cells[:2]]
            assert below, f"{contract['name']}: {layer}"
            row = below[0] + 1


@pytest.mark.parametrize("page", DECISIONS, ids=[path.stem[:4] for path in DECISIONS])
def test_decisions_are_whole(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.fullmatch(
        r"# .+\n\n\*\*Context\.\*\* .+\n\n\*\*Decision\.\*\* .+\n\n\*\*Consequences\.\*\* .+\n", text, re.S
    )
    title = text.splitlines()[0].removeprefix("# ")
    assert f"[{title}]({page.name})" in (page.parent / "index.md").read_text(encoding="utf-8")


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.stem[:4] for path in DECISIONS]
    assert len(set(numbers)) == len(numbers)


def test_the_example_of_the_api_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)
    with zipfile.ZipFile(ROOT / "data" / "gearhead-caramel" / "gearhead-caramel.zip") as archive:
        archive.extractall(tmp_path / "pictures")
    script = tmp_path / "example.py"
    guarded = "".join(f"    {line}\n" for line in code.splitlines())
    script.write_text(f'if __name__ == "__main__":\n{guarded}', encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "mechas-export").rglob("*.png"))


def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    for module in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        if not importable(module):
            pytest.skip(f"{module} is not installed; it comes with the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = (tmp_path / "site" / "commands.html").read_text(encoding="utf-8")
    assert 'id="filters"' in built
    # Nothing is loaded from elsewhere when the site is read.
    for page in (tmp_path / "site").rglob("*.html"):
        assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', page.read_text("utf-8")), page.name


def importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def test_the_wheel_has_what_it_needs_and_no_screenshots(tmp_path: Path) -> None:
    if not importable("hatchling"):
        pytest.skip("hatchling is not installed; it comes with the extra `test`")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    check = [sys.executable, str(Path(__file__).with_name("check_wheel.py")), str(wheel)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_an_incomplete_wheel_is_noticed(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("trainer/_resources/screenshots/train.png", b"")
    check = [sys.executable, str(Path(__file__).with_name("check_wheel.py")), str(wheel)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "py.typed" in checked.stderr
    assert "train.png" in checked.stderr


def test_workflows_name_what_exists() -> None:
    yaml = pytest.importorskip("yaml")
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        steps = [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]
        named = re.findall(r"python ((?:\.ci|tests)/\S+)", "\n".join(step.get("run", "") for step in steps))
        assert named
        assert all((ROOT / place).is_file() for place in named), named

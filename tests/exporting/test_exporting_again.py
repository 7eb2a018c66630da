"""Every format exported twice: the second export replaces the first and nothing else."""

from __future__ import annotations

import pytest

from gandam_studio.core import exporting, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import FORMATS

WAYS = [(name, pictures) for name, form in FORMATS.items() for pictures in form.pictures]


@pytest.mark.parametrize(("name", "pictures"), WAYS)
def test_an_export_is_replaced_by_the_next(workspace, tmp_path, name, pictures):
    if problem := FORMATS[name].problem():
        pytest.skip(problem)
    version, target = versions.commit(workspace, "once"), tmp_path / "out"

    def export(force: bool = True) -> None:
        exporting.export(workspace, version, target, format=name, pictures=pictures, force=force)

    export(force=False)
    export()
    if FORMATS[name].is_folder(pictures):
        (target / "mine.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(UserError, match=r"mine\.txt"):
            export()

"""Tars are what `tarfile` writes, byte for byte."""

from __future__ import annotations

import io
import tarfile

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gandam_studio.core.exporting.stored_tar import StoredTar

letters = st.sampled_from("aZ09-._") | st.characters(min_codepoint=0xA0, max_codepoint=0x3000)
names = st.text(letters, min_size=1, max_size=33) | st.text("ab", min_size=95, max_size=100)
members = st.lists(st.tuples(names, st.binary(max_size=1500)), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members)
@example([])
@example([("a.png", b"x" * 512), ("b" * 100, b""), ("f" * 60 + "/" + "c" * 90, b"1"), ("\u00e4.png", b"y" * 513)])
def test_the_same_bytes_as_tarfile(tmp_path, files):
    wanted = io.BytesIO()
    with tarfile.open(fileobj=wanted, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    with StoredTar(tmp_path / "made.tar") as made:
        for name, data in files:
            made.add(name, data)
    assert (tmp_path / "made.tar").read_bytes() == wanted.getvalue()

"""Certificates of fitness reviews as they are kept, and how many sprites they say nothing about.

A workspace keeps them by reason, as the setting `CERTIFICATES`, which versions take over. Beside the numbers stand the
time and which sprites the review was about, since others may come later.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from gandam_studio.core.suggestions.fitness.certificate import Certificate
from gandam_studio.core.workspace.seqsets import Seqs, pack, unpack
from trainer.protocol.untrusted import Values

_LONGEST = 64 << 20  # characters; a million scattered sprites take a hundredth of it


@dataclass(frozen=True)
class KeptCertificate:
    """Attributes:
    said: what the review ended with.
    at: when, UTC, ISO 8601; "" if that was not noted.
    outside: sprites of the version, or of the current state, that it says nothing about; None if that is not known.
    """

    said: Certificate
    at: str
    outside: int | None

    def to_json(self) -> dict[str, Any]:
        """The contract of `certificates` in `versions --json`."""
        return {**self.said.to_json(), "at": self.at, "outside": self.outside}

    @property
    def summary(self) -> str:
        """What it says, in a sentence or two; true whatever was decided since."""
        said = self.said
        rest = said.total - said.looked_at
        day = f" by {datetime.fromisoformat(self.at).astimezone():%Y-%m-%d}" if self.at else ""
        if rest:
            most = f"at most {said.most_left:,}" if said.most_left else "none"
            verb = "are" if said.most_left > 1 else "is"
            text = (
                f"{said.looked_at:,} of {said.total:,} were looked at{day}: {most} of the other {rest:,} {verb} unfit "
                f"(“{said.reason}”), at {round(100 * said.confidence)} % confidence."
            )
        else:
            text = f"All {said.total:,} were looked at{day}: {said.unfit:,} of them unfit (“{said.reason}”)."
        if self.outside is None:
            return f"{text} Which sprites these were was not noted."
        more = "1 more was" if self.outside == 1 else f"{self.outside:,} more were"
        return f"{text} {more} not part of it." if self.outside else text


def to_keep(certificate: Certificate, seqs: Seqs, at: str) -> dict[str, Any]:
    """A certificate for the setting: its numbers, the time, and the row numbers of the sprites that it is about."""
    return {**certificate.to_json(), "at": at, "about": base64.b64encode(pack(np.sort(seqs))).decode()}


def kept_certificates(setting: Any, seqs: Seqs | None = None) -> list[KeptCertificate]:
    """The certificates of the setting, or of a version's header (`with_outside`), by reason.

    With `seqs`, row numbers of sprites, it is counted how many of them each says nothing about. What is not valid is
    left out.
    """
    found = []
    for reason, kept in sorted(setting.items()) if isinstance(setting, Mapping) else ():
        try:
            found.append(_read(reason, Values(kept), seqs))
        except ValueError:
            continue
    return found


def with_outside(setting: Any, seqs: Seqs) -> Any:
    """The setting for the header of a version of some sprites: with the number that each says nothing about."""
    if not isinstance(setting, Mapping):
        return setting
    outside = {one.said.reason: one.outside for one in kept_certificates(setting, seqs)}
    return {
        reason: {**kept, "outside": outside[reason]} if reason in outside else kept for reason, kept in setting.items()
    }


def without_outside(header: Any) -> Any:
    """The setting that `with_outside` was given."""
    if not isinstance(header, Mapping):
        return header
    return {
        reason: {name: value for name, value in kept.items() if name != "outside"} if isinstance(kept, dict) else kept
        for reason, kept in header.items()
    }


def _read(reason: str, kept: Values, seqs: Seqs | None) -> KeptCertificate:
    total = kept.integer("total")
    looked_at = kept.integer("looked_at", most=total)
    audited = kept.integer("audited", most=looked_at)
    said = Certificate(
        reason, total, looked_at, kept.integer("unfit", most=looked_at), audited,
        kept.integer("audited_unfit", most=audited), kept.integer("most_left", most=total - looked_at),
        kept.number("confidence", least=0, most=1),
    )  # fmt: skip
    at = kept.text("at", "")
    if at:
        datetime.fromisoformat(at).astimezone()
    if seqs is None:
        outside = None if kept.raw("outside", None) is None else kept.integer("outside")
    elif "about" in kept:
        about = unpack(base64.b64decode(kept.text("about", max_length=_LONGEST), validate=True))
        outside = int(np.isin(seqs, about, invert=True).sum())
    else:
        outside = None
    return KeptCertificate(said, at, outside)

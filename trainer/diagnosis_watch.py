"""Diagnoses a run at its sample points, within a share of the training time, and raises alarms."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from trainer.dataset import real_pixels
from trainer.diagnostics.alarms import Detector, Race
from trainer.diagnostics.diagnose import Diagnostics, Findings
from trainer.diagnostics.drift import drift, identity_of
from trainer.diagnostics.likeness import small
from trainer.diagnostics.sheets import group_sheet, nearest_distances, nearest_sheet
from trainer.diagnostics.spikes import Window, spikes_in
from trainer.diagnostics.trend import outlook
from trainer.diagnostics.verdict import BLURRY, TOO_ALIKE, bound_of
from trainer.fresh_pictures import PICTURES, FreshPictures
from trainer.grids import save_png
from trainer.memory import attempt, free_memory
from trainer.protocol import events, files
from trainer.protocol.config import TrainConfig
from trainer.protocol.diagnosis import DriftFacts, OutlookFacts
from trainer.protocol.measured import JUDGE
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, is_cooling, planned_stop, share_done, share_fallen
from trainer.protocol.settings import COOL_DOWN
from trainer.randomness import derived_seed
from trainer.real_sides import FEATURE_ROWS, JUMBLED, real_features, real_sides
from trainer.session import Session

LEAST_TRAINING = 4
EXPECTED_S = 1.0
"""What the first look is taken to cost, in seconds, before one has been timed; as much again for every `MANY`."""
MANY = 2000
"""Training pictures whose preparation takes about a second."""
TRIED = 64
"""Real pictures whose features are timed before the first look, so that it is not taken too early on a slow machine."""
LIKENESS = 0.4
"""What comparing costs in all for every training picture, in features of one (0.3 to 0.6 measured)."""
LAST_SHARE = 0.1
"""Share of the training time that may be spent in all so that a run's last moment is diagnosed."""
MOST_EVIDENCE = 1e12
"""Larger values of an e-detector are written as this."""
PATIENCE = 10
"""Blurry grids after which the collapse alarm no longer waits for sharper ones."""
RACE_LOOKS = 100
"""Looks expected in a run without a limit."""
MOST_KEPT = 5000
"""Windows and spikes remembered; older ones are forgotten."""


class DiagnosisWatch:
    """First rank only. `say` writes an event.

    Attributes:
        alarmed: what the newest look has raised: "collapse", "copying", "membership".
    """

    def __init__(
        self, session: Session, run: RunDirectory, fresh: FreshPictures, say: Callable[[events.TrainEvent], None]
    ) -> None:
        self._session, self._run, self._fresh, self._say = session, run, fresh, say
        self._enabled = session.config.diagnostics.enabled and len(session.data.train) >= LEAST_TRAINING
        self._diagnostics: Diagnostics | None = None
        expected = EXPECTED_S * (1 + len(session.data.train) / MANY)
        self._spent, self._cost, self._preparing = 0.0, expected, 0.0
        self._tried = False
        self._looked = -1
        self._blurry_looks = 0
        self._before: tuple[int, np.ndarray[Any, Any]] | None = None
        self._newest: tuple[int, torch.Tensor] | None = None
        saved = session.diagnostics_state
        # Values by other features, as before an update of the program, would bend the trend.
        values = saved.get("kid", []) if saved.get("features") == JUDGE else []
        self._kid: list[tuple[int, float]] = [(int(t), float(v)) for t, v in values]
        self._collapse = Detector(**saved.get("collapse", {}))
        self._copying = Detector(**saved.get("copying", {}))
        race = saved.get("race", {})
        self._race = Race(
            race.get("looks", self._expected_looks()), set(race.get("retired", [])), race.get("look_number", 0),
            race.get("alarmed", False),
        )  # fmt: skip
        self._windows = [Window(*values) for values in saved.get("windows", [])]
        self._spikes: list[int] = list(saved.get("spikes", []))
        self.alarmed: list[str] = []

    def _expected_looks(self) -> int:
        config = self._session.config
        if not config.stop.iterations:
            return RACE_LOOKS
        return max(1, config.stop.iterations // config.sampling.every)

    def spiked(self, iteration: int) -> None:
        """A curve jumped at this iteration."""
        self._spikes = [*self._spikes[-MOST_KEPT:], iteration]

    def follow(self, fixed: np.ndarray[Any, Any] | None) -> None:
        """Note how far the pictures of the fixed latents moved since the last sample point; call it at every one.

        This costs a few milliseconds, so that spikes are judged on every window, whatever time is left for diagnoses.
        """
        if not self._enabled or fixed is None:
            return
        started = time.perf_counter()
        before, now = self._newest, (self._session.done.iteration, small(fixed))
        self._newest = now
        if before is not None and before[0] < now[0] and len(before[1]) == len(now[1]):
            identity = identity_of(before[1], now[1])
            if identity is not None:
                self._windows = [*self._windows[-MOST_KEPT:], Window(before[0], now[0], float(f"{identity:.6g}"))]
        self._spent += time.perf_counter() - started
        self._session.diagnostics_state = self._state()

    def look(self, fixed: np.ndarray[Any, Any] | None, *, last: bool = False) -> None:
        """Diagnose this moment if there is time for it; for the `last` moment of a run, a tenth of it may be taken.

        `fixed`: the pictures of the fixed latents at this moment.
        """
        iteration = self._session.done.iteration
        self.alarmed = []
        if not self._enabled or not iteration or iteration == self._looked:
            return
        if not self._affords(last=last):
            return
        if not self._tried:
            self._try_machine()
            if not self._affords(last=last):
                return
        started = time.perf_counter()
        self._looked, self._preparing = iteration, 0.0
        if attempt(lambda: self._look(fixed)) is None:
            self._enabled, self._diagnostics = False, None
            free_memory(self._session.machine.device)
            self._say(events.RunWarning(message="Out of memory: the run is no longer diagnosed.", about="memory"))
        spent = time.perf_counter() - started
        self._spent += spent
        self._cost = spent - self._preparing  # Real pictures are prepared only once.

    def _affords(self, *, last: bool) -> bool:
        share = self._session.config.diagnostics.share
        return self._spent + self._cost <= (max(share, LAST_SHARE) if last else share) * self._session.done.seconds

    def _try_machine(self) -> None:
        """Expect more of the first look where features take longer here than was taken for granted."""
        self._tried = True
        began = time.perf_counter()
        data = self._session.data
        some = real_pixels(data, data.train[:TRIED])
        space = self._fresh.space  # Its weights are read before the clock starts.
        started = time.perf_counter()
        if attempt(lambda: space(some)) is not None:
            ended = time.perf_counter()
            sides = sum(min(len(side), FEATURE_ROWS) for side in (data.train, data.held_out))
            worth = sides + JUMBLED + PICTURES + LIKENESS * len(data.train)
            self._cost = max(self._cost, (ended - started) / max(1, len(some)) * worth)
        self._spent += time.perf_counter() - began

    def _look(self, fixed: np.ndarray[Any, Any] | None) -> bool:
        diagnostics = self._prepared()
        pixels = self._fresh.pixels()
        found = diagnostics.look(pixels, self._fresh.features(), self._fresh.space.name)
        spikes = spikes_in(self._windows, self._spikes, self._session.config.sampling.every)
        diagnosis = dataclasses.replace(
            found.diagnosis, drift=self._drift(fixed), spikes=spikes, outlook=self._outlook(found)
        )
        pictures = self._save(pixels, found, diagnostics)
        values = diagnosis.to_json() | {"nearest": nearest_distances(found, diagnostics.scale.tau)}
        self._say(
            events.Diagnosed(
                verdict=diagnosis.verdict, reason=diagnosis.reason, samples=diagnosis.samples,
                features=self._fresh.space.name, pictures=pictures, values=values,
            )
        )  # fmt: skip
        self._raise_alarms(found, diagnostics)
        self._session.diagnostics_state = self._state()
        return True

    def _prepared(self) -> Diagnostics:
        if self._diagnostics is None:
            started = time.perf_counter()
            sides = real_sides(self._session.data)
            features = real_features(sides, self._fresh.features_of)
            seed = derived_seed(self._session.config.seed, "diagnostics", 0)
            one_scale = self._fresh.space.one_scale
            self._diagnostics = Diagnostics(*sides, PICTURES, seed, features, one_scale=one_scale)
            self._preparing = time.perf_counter() - started
        return self._diagnostics

    def _drift(self, fixed: np.ndarray[Any, Any] | None) -> DriftFacts | None:
        before, self._before = self._before, None if fixed is None else (self._session.done.iteration, fixed)
        if before is None or fixed is None or len(before[1]) != len(fixed):
            return None
        found = drift(small(before[1]), small(fixed))
        return None if found is None else DriftFacts(before[0], **vars(found))

    def _outlook(self, found: Findings) -> OutlookFacts | None:
        quality = found.diagnosis.quality
        if quality is None:
            return None
        iteration = self._session.done.iteration
        self._kid = [(t, v) for t, v in self._kid if t < iteration] + [(iteration, quality.kid)]
        decays, share = decay(self._session.config, self._session.done)
        return outlook([t for t, _ in self._kid], [v for _, v in self._kid], share, decays, quality.floor_mean)

    def _save(self, pixels: np.ndarray[Any, Any], found: Findings, diagnostics: Diagnostics) -> dict[str, str]:
        files.own_folder(self._run.samples_path)
        at = f"{self._session.done.iteration:08d}"
        sheets = {
            "nearest": nearest_sheet(pixels, found, diagnostics.training, diagnostics.held_out),
            "group": group_sheet(pixels, found),
        }
        paths = {}
        for name, sheet in sheets.items():
            path = self._run.samples_path / f"{name}-{at}.png"
            save_png(path, sheet)
            paths[name] = path.relative_to(self._run.path).as_posix()
        return paths

    def _raise_alarms(self, found: Findings, diagnostics: Diagnostics) -> None:
        m = found.diagnosis.samples
        usual = TOO_ALIKE + diagnostics.scale.alike
        self._say_alarm("copying", self._copying.look(len(found.copying.copies), m, usual, 2 * usual), self._copying)
        blurry = found.diagnosis.sharp < BLURRY
        self._blurry_looks = self._blurry_looks + 1 if blurry else 0
        if not blurry or self._blurry_looks > PATIENCE:
            usual = 1 / bound_of(len(diagnostics.training), found.diagnosis.variety.real.n2)
            self._say_alarm(
                "collapse", self._collapse.look(found.disjoint_pairs, m // 2, usual, 4 * usual), self._collapse
            )
        if found.statistics is not None:
            self._say_alarm("membership", self._race.look(found.statistics[0]), None)

    def _say_alarm(self, about: str, change: str, detector: Detector | None) -> None:
        if not change:
            return
        if change == "raised":
            self.alarmed.append(about)
        action = self._session.config.diagnostics.on_alarm if change == "raised" else ""
        self._say(
            events.Alarm(
                about=about,
                state=change,
                evidence=min(detector.value, MOST_EVIDENCE) if detector else None,
                action=action,
            )
        )

    def _state(self) -> dict[str, Any]:
        return {
            "kid": [list(pair) for pair in self._kid],
            "features": JUDGE,
            "windows": [[window.since, window.until, window.identity] for window in self._windows],
            "spikes": self._spikes,
            "collapse": self._collapse.to_json(),
            "copying": self._copying.to_json(),
            "race": {
                "looks": self._race.looks, "retired": sorted(self._race.retired),
                "look_number": self._race.look_number, "alarmed": self._race.alarmed,
            },
        }  # fmt: skip


def decay(config: TrainConfig, done: Done) -> tuple[bool, float | None]:
    """Whether learning rates are falling to an end, and the share of the schedule they were made for that is done.

    None as the share: there is no limit, or this is a cool-down, where no prediction was ever tested. After the
    schedule's end, rates that stay where they are do not fall any more.
    """
    if is_cooling(config.extension, done):
        return True, None
    planned = planned_stop(config)
    share = share_done(planned, done)
    if config.schedule.kind == COOL_DOWN and planned == config.stop:
        return share_fallen(config, done) > 0, None
    if config.schedule.kind == "cosine" and (share is None or planned == config.stop or share < 1):
        return True, share
    return False, None

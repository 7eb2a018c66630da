"""The feature spaces of `evaluate`: which one is used, what its weights must be, and published metrics."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from known_sprites import Known, blurred

from trainer import lite0
from trainer.diagnostics.quality import QualityScale, RealFeatures
from trainer.feature_spaces import feature_space
from trainer.features import RandomFeatures
from trainer.lite0_front import Lite0Front
from trainer.protocol import lite0_weights
from trainer.protocol.errors import TrainerError
from trainer.protocol.measured import JUDGE
from trainer.published import published_metrics

installed = pytest.mark.skipif(lite0_weights.weights_path() is None, reason="the extra lite0 is not installed")


@installed
def test_lite0_computes_what_the_network_it_was_trained_as_computes() -> None:
    """Values of efficientnet-lite-pytorch 0.1.0 before its last layer, for the same pictures."""
    y, x = np.mgrid[:64, :64]
    picture = np.stack([4 * x, 4 * y, (x * y) % 256], -1).astype(np.uint8)
    found = lite0.Lite0Features()(picture[None])[0]
    assert found.shape == (1280,)
    known = [4.134154, 0.0, 4.044676, 1.726101, 0.0, 0.0, 1.035611]
    assert found[:6].tolist() == pytest.approx(known[:6], abs=1e-4)
    assert float(found.mean()) == pytest.approx(known[6], abs=1e-5)


@installed
def test_lite0_tells_blurred_sprites_and_few_from_real_ones(sprites: Known) -> None:
    features = lite0.Lite0Features()
    scale = QualityScale(RealFeatures(features(sprites.training), features(sprites.held_out)), one_scale=True)
    fresh, soft, few = (
        scale.measure(features(made))
        for made in (sprites.fresh(100), blurred(sprites.fresh(100), 3), sprites.modes(4, sprites.unseen, 100))
    )
    assert fresh
    assert soft
    assert few
    assert fresh.is_like_real
    assert soft.z > 3
    assert few.z > 3


def test_without_its_weights_lite0_is_refused_and_the_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0_weights, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(TrainerError, match="lite0"):
        feature_space("lite0")
    assert isinstance(feature_space("auto"), Lite0Front)
    assert isinstance(feature_space("random-conv"), RandomFeatures)


def test_evaluate_measures_by_the_features_that_runs_are_measured_by() -> None:
    assert feature_space("auto").name == feature_space("lite0-front").name == JUDGE


def test_other_weights_are_refused_unread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "weights.pth"
    other.write_bytes(pickle.dumps(_Evil(tmp_path / "executed")))
    monkeypatch.setattr(lite0, "weights_path", lambda: other)
    with pytest.raises(TrainerError, match="other weights"):
        feature_space("lite0")
    assert not (tmp_path / "executed").exists()


class _Evil:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


def test_weights_that_would_run_code_are_refused(tmp_path: Path, sprites: Known) -> None:
    pytest.importorskip("torch_fidelity")
    weights = tmp_path / "inception.pth"
    torch.save({"weight": _Evil(tmp_path / "executed")}, weights)
    with pytest.raises(TrainerError, match="plain weights"):
        published_metrics(sprites.fresh(20), sprites.training[:20], weights)
    with pytest.raises(TrainerError, match="cannot read"):
        published_metrics(sprites.fresh(20), sprites.training[:20], tmp_path / "missing.pth")
    torch.save({"weight": torch.zeros(2)}, weights)
    with pytest.raises(TrainerError, match="cannot use"):
        published_metrics(sprites.fresh(20), sprites.training[:20], weights)
    assert not (tmp_path / "executed").exists()


def test_published_metrics_say_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sprites: Known) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity", None)
    with pytest.raises(TrainerError, match="fidelity"):
        published_metrics(sprites.fresh(20), sprites.training[:20], tmp_path / "weights.pth")

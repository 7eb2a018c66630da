"""Layers on their own, compared with values from their definitions."""

from __future__ import annotations

import pytest
import torch

from trainer.layers import BatchNorm2d, Dropout, MinibatchStd, down, opponent_axes, remembering, up


def test_dropout_zeroes_a_share_and_scales_the_rest() -> None:
    layer, x = Dropout(0.25), torch.ones(64, 8, 4, 4)
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)
    layer.train()
    for source in (None, (torch.Generator().manual_seed(3), 0, 1)):
        layer.source = source
        y = layer(x)
        assert y.unique().tolist() == pytest.approx([0.0, 4 / 3])
        assert y.eq(0).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_dropout_does_not_depend_on_the_number_of_ranks() -> None:
    layer, x = Dropout(0.5).train(), torch.arange(1.0, 49.0).reshape(8, 6)
    layer.source = (torch.Generator().manual_seed(7), 0, 1)
    whole = layer(x)
    parts = []
    for rank in range(4):
        layer.source = (torch.Generator().manual_seed(7), rank, 4)
        parts.append(layer(x[2 * rank : 2 * rank + 2]))
    assert torch.equal(torch.cat(parts), whole)


def test_batch_norm_that_does_not_remember() -> None:
    x = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 3 + 5
    layer = BatchNorm2d(3).train()
    with remembering([layer], False):
        y = layer(x)
    assert layer.remembers
    assert y.mean((0, 2, 3)).abs().max() < 1e-5
    assert (y.var((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-3
    assert layer.running_mean.tolist() == [0.0] * 3
    assert layer.num_batches_tracked == 0
    assert torch.equal(layer(x), y)
    assert torch.allclose(layer.running_mean, 0.1 * x.mean((0, 2, 3)))
    assert layer.num_batches_tracked == 1


def test_remembering_is_restored_after_an_error() -> None:
    layers = [BatchNorm2d(2), BatchNorm2d(2)]
    layers[1].remembers = False

    def fail() -> None:
        with remembering(layers, True):
            assert layers[1].remembers
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [layer.remembers for layer in layers] == [True, False]


def test_minibatch_std_of_a_part_is_that_of_the_whole() -> None:
    x = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    layer = MinibatchStd(group=4)
    whole = layer(x)
    layer.batch = 8
    assert torch.equal(torch.cat([layer(x[:4]), layer(x[4:])]), whole)


def test_doubling_and_halving() -> None:
    x = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]])
    assert up(x).shape == (1, 1, 4, 4)
    assert up(x)[0, 0, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
    assert up(x)[0, 0, :, 0].tolist() == [0.0, 2.0, 6.0, 8.0]
    assert down(x).tolist() == [[[[6.0]]]]


def test_lightness_and_colour_differences_are_at_right_angles() -> None:
    axes = opponent_axes(4, 1.0)
    assert torch.allclose(axes @ axes.T, torch.eye(4), atol=1e-6)
    grey = torch.tensor([0.3, 0.3, 0.3, 0.7])
    weighted = opponent_axes(4, 3.0) @ grey
    assert torch.allclose(weighted, torch.tensor([0.3 * 3**0.5, 0.0, 0.0, 0.7]), atol=1e-6)
    assert torch.allclose(opponent_axes(3, 3.0)[1:], 3 * axes[1:3, :3])

"""Fast 4x4 convolutions: same numbers as torch's, same derivatives, and where they are used."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from small_runs import small_config
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from trainer import columns, winograd
from trainer.layers import Conv2d, ConvTranspose2d
from trainer.protocol.run_directory import RunDirectory
from trainer.train_run import train_run


def drawn(*shape: int, grad: bool = False) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_(
        grad
    )


both = pytest.mark.parametrize("fast", [winograd, columns], ids=["winograd", "columns"])


@both
@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_they_are_torchs_convolutions(size: tuple[int, int], fast: ModuleType) -> None:
    x, weight = drawn(2, 3, *size), drawn(5, 3, 4, 4)
    y = drawn(2, 5, size[0] // 2, size[1] // 2)
    for layout in (torch.contiguous_format, torch.channels_last):
        a, b, w = (t.contiguous(memory_format=layout) for t in (x, y, weight))
        assert torch.allclose(fast.convolve(a, w), functional.conv2d(x, weight, stride=2, padding=1), atol=1e-12)
        found = fast.convolve_transposed(b, w)
        assert torch.allclose(found, functional.conv_transpose2d(y, weight, stride=2, padding=1), atol=1e-12)


@pytest.mark.parametrize(
    ("fast", "kind", "most"), [(winograd, torch.float32, 1e-5), (columns, torch.bfloat16, 1e-2)], ids=["fp32", "bf16"]
)
def test_in_their_number_format_they_differ_by_rounding_only(fast: ModuleType, kind: torch.dtype, most: float) -> None:
    x, weight = drawn(4, 64, 16, 16), drawn(64, 64, 4, 4)
    x, weight = x.to(kind).double(), weight.to(kind).double()
    exact = functional.conv2d(x, weight, stride=2, padding=1)
    found = fast.convolve(x.to(kind), weight.to(kind))
    assert found.dtype == kind
    assert float((found - exact).abs().max() / exact.abs().max()) < most


@both
@pytest.mark.parametrize("transposed", [False, True])
def test_derivatives_agree_with_finite_differences_twice(transposed: bool, fast: ModuleType) -> None:
    function = fast.convolve_transposed if transposed else fast.convolve
    x = drawn(1, 2, 4, 4, grad=True) if transposed else drawn(1, 1, 8, 8, grad=True)
    weight = drawn(2, 1, 4, 4, grad=True)
    assert gradcheck(function, (x, weight))
    assert gradgradcheck(function, (x, weight), gen_non_contig_grad_outputs=True)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_layers_use_them_in_training_only_where_asked_and_where_they_suit(
    bias: bool, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(columns, "LEAST", 32)
    for module in (winograd, columns):
        for name in ("convolve", "convolve_transposed"):
            real, seen = getattr(module, name), f"{module.__name__.split('.')[-1]}.{name}"
            monkeypatch.setattr(module, name, lambda *a, real=real, seen=seen: used.append(seen) or real(*a))
    down, up = Conv2d(32, 32, 4, 2, 1, bias=bias), ConvTranspose2d(32, 32, 4, 2, 1, bias=bias)
    first, narrow = ConvTranspose2d(6, 32, 4, 1, 0, bias=bias), Conv2d(3, 32, 4, 2, 1, bias=bias)
    cases = [(down, (2, 32, 8, 8)), (up, (2, 32, 4, 4)), (first, (2, 6, 1, 1)), (narrow, (2, 3, 8, 8)),
             (down, (2, 32, 12, 12))]  # fmt: skip
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for layer, shape in cases:
            x = torch.randn(shape)
            plain = layer(x)
            layer.winograd = True
            fast = layer(x)
            assert fast.dtype == plain.dtype
            assert torch.allclose(fast, plain, atol=3e-2 if bf16 else 1e-5)
            layer.eval()
            assert torch.equal(layer(x), plain)
            layer.train()
            layer.winograd = False
    columns_take_any_size = ["columns.convolve"] if bf16 else []
    way = "columns" if bf16 else "winograd"
    assert used == [f"{way}.convolve", f"{way}.convolve_transposed", *columns_take_any_size]


WIDE = ["generator_channels=40,36,32,32", "discriminator_channels=32,32,36,40"]


def weights_of(run: RunDirectory) -> dict[str, bytes]:
    folder = run.newest_checkpoint()
    assert folder is not None
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


@pytest.mark.parametrize(("fast", "kind"), [(winograd, "fp32"), (columns, "bf16")], ids=["fp32", "bf16"])
def test_stopped_and_resumed_they_give_the_same_bits(
    make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch, fast: ModuleType, kind: str
) -> None:
    used: list[int] = []
    real = fast.convolve
    monkeypatch.setattr(columns, "LEAST", 32)
    monkeypatch.setattr(fast, "convolve", lambda *a: used.append(1) or real(*a))
    settings = [*WIDE, f"precision.kind={kind}"]
    config = small_config("dcgan", *settings, "stop.iterations=4")
    through = make_run("through", config)
    train_run(through)
    assert used
    parts = make_run("parts", small_config("dcgan", *settings, "stop.iterations=2"))
    train_run(parts)
    parts.config_path.write_bytes(through.config_path.read_bytes())
    train_run(parts)
    assert weights_of(parts) == weights_of(through)


def test_pictures_drawn_once_teach_both_networks_what_drawing_them_twice_does(
    make_run: Callable[..., RunDirectory],
) -> None:
    from trainer.dataset import load_training_set
    from trainer.device import Machine
    from trainer.distributed import Ranks
    from trainer.session import make_session

    config = small_config("dcgan", "objective.shared_latents=yes")
    device = torch.device("cpu")
    data = load_training_set(make_run("r", config), config, device)
    found = []
    for shares in (True, False):
        session = make_session(config, data, Machine(device), Ranks(), 8)
        session.game.reuses_fakes = shares
        calls: list[int] = []
        session.game.generator.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        draws = [session.batches.draw(phase, 3, 1.0, phase == "d") for phase in ("d", "g")]
        assert torch.equal(draws[0].z, draws[1].z)
        session.game.discriminator_phase(draws[0], None)
        session.game.generator_phase(draws[1])
        assert len(calls) == (1 if shares else 2)
        found.append([p.detach().clone() for p in (*session.game.parameters_g, *session.game.parameters_d)])
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))

"""Adam by torch's functional form.

`torch.optim.Adam` computes the same, but loads torch's compiler with its first use: 900 modules and a second of every
start, for a compiler that is not used here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba 2015), fused where the device supports it.

    Its memory is allocated at once, so that no later step runs out.

    Attributes:
        param_groups: one group, with `params`, `lr`, `betas` and `eps`; the last three may change between steps.
        state: of each parameter its `step`, a float32 scalar, and its moments `exp_avg` and `exp_avg_sq`, of its shape.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        device: torch.device,
    ) -> None:
        """`device`: where the parameters are."""
        self._fused = device.type in ("cuda", "cpu")
        params = list(parameters)
        self.param_groups: list[dict[str, Any]] = [{"params": params, "lr": lr, "betas": betas, "eps": eps}]
        self.state: dict[nn.Parameter, dict[str, torch.Tensor]] = {
            parameter: {
                "step": torch.zeros((), dtype=torch.float32, device=device if self._fused else "cpu"),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format, requires_grad=False),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format, requires_grad=False),
            }
            for parameter in params
        }

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            used = [parameter for parameter in group["params"] if parameter.grad is not None]
            states = [self.state[parameter] for parameter in used]
            beta1, beta2 = group["betas"]
            adam(
                used,
                [parameter.grad for parameter in used],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=self._fused,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=group["lr"],
                weight_decay=0.0,
                eps=group["eps"],
                maximize=False,
            )

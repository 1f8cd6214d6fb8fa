"""Linear: every output is a weighted sum of all inputs, plus a bias."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.layer import Init, Layer, NumpyLines, Param, Slot, Step, zeros


@dataclass(frozen=True)
class Linear(Layer):
    """y = x W + b, with W `(d_in, d_out)`.

    The weights lie as (d_in, d_out), the transpose of `nn.Linear`: on CPUs with MKL the forward product of a batch of
    64 by 784 x 128 takes 0.37 of the time that way (`benchmarks/products.py`).
    `init`: "he" for layers before a ReLU-like function, "zeros" for a last layer that starts without an opinion.
    """

    width: int
    init: Literal["he", "zeros"] = "he"

    def d_out(self, d_in: int) -> int:
        if self.width < 1 or d_in < 1:
            raise NetError(
                "a linear layer needs inputs and outputs", found=f"{d_in} in, {self.width} out", hint="d_hidden >= 1"
            )
        return self.width

    def params(self, d_in: int) -> tuple[Param, ...]:
        return Param("weight", (d_in, self.width), _INITS[self.init](d_in)), Param("bias", (1, self.width), zeros)

    def bind(self, slot: Slot) -> Step:
        return _LinearStep(slot, self.width)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        linear = nn.Linear(d_in, self.width, dtype=values["weight"].dtype)
        with torch.no_grad():
            linear.weight.copy_(values["weight"].T)
            linear.bias.copy_(values["bias"].view(-1))
        return linear

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = x @ weight + bias",
            "d_weight = x.T @ dy\nd_bias = dy.sum(0, keepdims=True)\ndx = dy @ weight.T",
        )


class _LinearStep(Step):
    def __init__(self, slot: Slot, width: int) -> None:
        self.weight, self.bias = slot.weights["weight"], slot.weights["bias"]
        self.d_weight, self.d_bias = slot.grads["weight"], slot.grads["bias"]
        self.weight_t = self.weight.transpose(-1, -2)
        self.k = slot.k
        self.y = slot.empty(slot.batch, width)
        self.dx = slot.empty(slot.batch, slot.d_in) if slot.needs_dx else None
        # one matrix: mm costs a third less per call than bmm over a batch of one
        self.product = torch.mm if slot.k == 1 else torch.bmm
        self.affine = torch.addmm if slot.k == 1 else torch.baddbmm

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() < self.weight.dim():
            x = x.expand(self.k, *x.shape)  # (k, batch, d_in) without a copy
        self.x = x
        return self.affine(self.bias, x, self.weight, out=self.y)

    def backward(self, dy: Tensor) -> Tensor | None:
        self.product(self.x.transpose(-1, -2), dy, out=self.d_weight)
        torch.sum(dy, -2, keepdim=True, out=self.d_bias)
        return None if self.dx is None else self.product(dy, self.weight_t, out=self.dx)


def _he(d_in: int) -> Init:
    return lambda generator, shape: generator.standard_normal(shape) * np.sqrt(2 / d_in)


_INITS: dict[str, Callable[[int], Init]] = {
    "he": _he,
    "zeros": lambda _: zeros,
}

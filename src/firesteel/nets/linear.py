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
    """y = x W + b, with W `(d_in, d_out)`; without the b where `has_bias` is false.

    The weights lie as (d_in, d_out), the transpose of `nn.Linear`: on CPUs with MKL the forward product of a batch of
    64 by 784 x 128 takes 0.37 of the time that way (`benchmarks/products.py`).
    `init`: "he" for layers before a ReLU-like function, "zeros" for a last layer that starts without an opinion.
    """

    width: int
    init: Literal["he", "zeros"] = "he"
    has_bias: bool = True

    def d_out(self, d_in: int) -> int:
        if self.width < 1 or d_in < 1:
            raise NetError(
                "a linear layer needs inputs and outputs", found=f"{d_in} in, {self.width} out", hint="d_hidden >= 1"
            )
        return self.width

    def params(self, d_in: int) -> tuple[Param, ...]:
        weight = Param("weight", (d_in, self.width), _INITS[self.init](d_in))
        return (weight, Param("bias", (1, self.width), zeros)) if self.has_bias else (weight,)

    def bind(self, slot: Slot) -> Step:
        return _LinearStep(slot, self.width) if self.has_bias else _UnbiasedStep(slot, self.width)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        linear = nn.Linear(d_in, self.width, bias=self.has_bias, dtype=values["weight"].dtype)
        with torch.no_grad():
            linear.weight.copy_(values["weight"].T)
            if self.has_bias:
                linear.bias.copy_(values["bias"].view(-1))
        return linear

    def numpy_lines(self) -> NumpyLines:
        if not self.has_bias:
            return NumpyLines("y = x @ weight", "d_weight = x.T @ dy\ndx = dy @ weight.T")
        return NumpyLines(
            "y = x @ weight + bias",
            "d_weight = x.T @ dy\nd_bias = dy.sum(0, keepdims=True)\ndx = dy @ weight.T",
        )


class _UnbiasedStep(Step):
    def __init__(self, slot: Slot, width: int) -> None:
        self.weight, self.d_weight = slot.weights["weight"], slot.grads["weight"]
        self.weight_t = self.weight.transpose(-1, -2)
        self.k = slot.k
        self.y = slot.empty(slot.batch, width)
        self.dx = slot.empty(slot.batch, slot.d_in) if slot.needs_dx else None
        # one matrix: mm costs a third less per call than bmm over a batch of one
        self.product = torch.mm if slot.k == 1 else torch.bmm

    def forward(self, x: Tensor) -> Tensor:
        self.x = self.shared(x)
        return self.product(self.x, self.weight, out=self.y)

    def shared(self, x: Tensor) -> Tensor:
        """An input that all members share, `(k, batch, d_in)` without a copy."""
        return x.expand(self.k, *x.shape) if x.dim() < self.weight.dim() else x

    def backward(self, dy: Tensor) -> Tensor | None:
        self.product(self.x.transpose(-1, -2), dy, out=self.d_weight)
        return None if self.dx is None else self.product(dy, self.weight_t, out=self.dx)


class _LinearStep(_UnbiasedStep):
    def __init__(self, slot: Slot, width: int) -> None:
        super().__init__(slot, width)
        self.bias, self.d_bias = slot.weights["bias"], slot.grads["bias"]
        self.affine = torch.addmm if slot.k == 1 else torch.baddbmm

    def forward(self, x: Tensor) -> Tensor:
        self.x = self.shared(x)
        return self.affine(self.bias, self.x, self.weight, out=self.y)

    def backward(self, dy: Tensor) -> Tensor | None:
        torch.sum(dy, -2, keepdim=True, out=self.d_bias)
        return super().backward(dy)


def _he(d_in: int) -> Init:
    return lambda generator, shape: generator.standard_normal(shape) * np.sqrt(2 / d_in)


_INITS: dict[str, Callable[[int], Init]] = {
    "he": _he,
    "zeros": lambda _: zeros,
}

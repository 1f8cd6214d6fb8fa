"""The functions between the layers, one number at a time: Identity, ReLU, LeakyReLU, Sigmoid, Tanh, GELU, SiLU."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from firesteel.nets.layer import Elementwise, Layer, NumpyLines, Slot, Step


@dataclass(frozen=True)
class Activation(Layer):
    """A layer that keeps the width and has nothing to learn."""

    def d_out(self, d_in: int) -> int:
        return d_in


@dataclass(frozen=True)
class Identity(Activation):
    """x as it is: with nothing else between them, two linear layers are one."""

    def bind(self, slot: Slot) -> Step:
        return _IdentityStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Identity()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = x", "dx = dy")


class _IdentityStep(Step):
    def forward(self, x: Tensor) -> Tensor:
        return x

    def backward(self, dy: Tensor) -> Tensor:
        return dy


@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0)."""

    def bind(self, slot: Slot) -> Step:
        return _ReLUStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.ReLU()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = np.maximum(x, 0)", "dx = dy * (x > 0)")


class _ReLUStep(Elementwise):
    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp_min(x, 0, out=self.buffer(x))

    def backward(self, dy: Tensor) -> Tensor:
        return dy.mul_(torch.sign(self.y, out=self.y))  # y > 0 exactly where x > 0


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """x above 0, a small share of x below, so that no unit is ever dead."""

    slope: float = 0.01

    def bind(self, slot: Slot) -> Step:
        return _LeakyReLUStep(self.slope)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.LeakyReLU(self.slope)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = np.where(x > 0, x, slope * x)", "dx = dy * np.where(x > 0, 1, slope)", {"slope": self.slope}
        )


class _LeakyReLUStep(Elementwise):
    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return torch.where(x > 0, x, x * self.slope, out=self.buffer(x))

    def backward(self, dy: Tensor) -> Tensor:
        return torch.where(self.x > 0, dy, dy * self.slope, out=dy)


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x)), between 0 and 1."""

    def bind(self, slot: Slot) -> Step:
        return _SigmoidStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Sigmoid()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = 1 / (1 + np.exp(-x))", "dx = dy * y * (1 - y)")


class _SigmoidStep(Elementwise):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x, out=self.buffer(x))

    def backward(self, dy: Tensor) -> Tensor:
        y = self.buffer(dy)
        return dy.mul_(y).mul_(y.neg_().add_(1))


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent, between -1 and 1."""

    def bind(self, slot: Slot) -> Step:
        return _TanhStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Tanh()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = np.tanh(x)", "dx = dy * (1 - y * y)")


class _TanhStep(Elementwise):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x, out=self.buffer(x))

    def backward(self, dy: Tensor) -> Tensor:
        return dy.mul_(self.buffer(dy).square_().neg_().add_(1))


@dataclass(frozen=True)
class GELU(Activation):
    """x times the share of a normal distribution below x. Source: arXiv 1606.08415, the exact form."""

    def bind(self, slot: Slot) -> Step:
        return _GELUStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.GELU()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "share = 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))\ny = x * share",
            "dx = dy * (share + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))",
        )


class _GELUStep(Elementwise):
    def forward(self, x: Tensor) -> Tensor:
        y = self.buffer(x)
        self.x = x
        self.share = torch.mul(x, math.sqrt(0.5)).erf_().add_(1).mul_(0.5)
        return torch.mul(x, self.share, out=y)

    def backward(self, dy: Tensor) -> Tensor:
        density = torch.square(self.x).mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi))
        return dy.mul_(density.mul_(self.x).add_(self.share))


@dataclass(frozen=True)
class SiLU(Activation):
    """x times its sigmoid, also called swish. Source: arXiv 1702.03118."""

    def bind(self, slot: Slot) -> Step:
        return _SiLUStep()

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.SiLU()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("share = 1 / (1 + np.exp(-x))\ny = x * share", "dx = dy * share * (1 + x * (1 - share))")


class _SiLUStep(Elementwise):
    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        self.share = torch.sigmoid(x)
        return torch.mul(x, self.share, out=self.buffer(x))

    def backward(self, dy: Tensor) -> Tensor:
        slope = torch.sub(1, self.share).mul_(self.x).add_(1).mul_(self.share)
        return dy.mul_(slope)


#: The recipe's words for them.
ACTIVATIONS: dict[str, Activation] = {
    "identity": Identity(),
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "gelu": GELU(),
    "silu": SiLU(),
}

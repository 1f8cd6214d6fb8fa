"""Dropout, Dropout2d: in training, a value or a channel is 0 with probability p and the others grow by 1 / (1 - p)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.layer import Layer, NumpyLines, Slot, Step
from firesteel.nets.maps import MapLayer, Shape


@dataclass(frozen=True)
class Dropout(Layer):
    """In training a share of the values is set to 0 and the others grow; each member draws its own, at its own rate.

    Source: Srivastava et al. 2014.
    """

    p: float

    def d_out(self, d_in: int) -> int:
        _check_share(self.p)
        return d_in

    def bind(self, slot: Slot) -> Step:
        rates = slot.context.dropout or (self.p,) * slot.k
        return _DropoutStep(slot, rates)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Dropout(self.p)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = x  # dropout passes everything on outside training", "dx = dy")


#: Masks are drawn from 16 random bits a value, so a rate is kept to 1 in 65,536. Drawing them in blocks from NumPy's
#: PCG64 takes a tenth of the time of `Tensor.bernoulli_` on a CPU, and is the same on every device.
N_BITS = 16


class _DropoutStep(Step):
    def __init__(self, slot: Slot, rates: tuple[float, ...], width: int | None = None) -> None:
        self.context = slot.context
        self.shape = (slot.batch, slot.d_in if width is None else width)
        self.is_active = any(rates)
        if self.is_active:
            self.lowest = [round(rate * 2**N_BITS) - 2 ** (N_BITS - 1) for rate in rates]
            self.kept = np.empty((slot.k, *self.shape), dtype=np.bool_)
            self.mask, self.y = slot.empty(*self.shape), slot.empty(*self.shape)
            self.bits = torch.from_numpy(self.kept.view(np.uint8)).view(self.mask.shape)
            growth = torch.tensor([1 / (1 - rate) for rate in rates], dtype=slot.dtype, device=slot.device)
            self.growth = growth.view(*slot.lead, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.context.is_training and self.is_active):
            return x
        self.draw()
        return torch.mul(x, self.mask, out=self.y)

    def draw(self) -> None:
        """A new mask: 0 for what is dropped, 1 / (1 - p) for the rest."""
        n_values = self.shape[0] * self.shape[1]
        for kept, lowest, generator in zip(self.kept, self.lowest, self.context.generators, strict=True):
            words = generator.random_raw(-(-n_values * N_BITS // 64)).view(np.int16)[:n_values]
            np.greater_equal(words.reshape(self.shape), lowest, out=kept)
        torch.mul(self.mask.copy_(self.bits), self.growth, out=self.mask)

    def backward(self, dy: Tensor) -> Tensor:
        return dy.mul_(self.mask) if self.is_active and self.context.is_training else dy


@dataclass(frozen=True)
class Dropout2d(MapLayer):
    """In training whole channels are set to 0, because neighbouring pixels say nearly the same.

    Source: arXiv 1411.4280.
    """

    p: float

    @property
    def shape_out(self) -> Shape:
        _check_share(self.p)
        return self.checked

    def bind(self, slot: Slot) -> Step:
        return _Dropout2dStep(slot, slot.context.dropout or (self.p,) * slot.k, self.checked[2])

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Dropout2d(self.p)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = x  # dropout passes everything on outside training", "dx = dy")


class _Dropout2dStep(_DropoutStep):
    """One number of the mask for each channel of each row."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.context.is_training and self.is_active):
            return x
        self.draw()
        return self._masked(x)

    def backward(self, dy: Tensor) -> Tensor:
        return self._masked(dy) if self.is_active else dy

    def _masked(self, rows: Tensor) -> Tensor:
        by_channel = rows.reshape(*rows.shape[:-1], -1, self.shape[1])
        return (by_channel * self.mask.unsqueeze(-2).to(rows.dtype)).flatten(-2)


def _check_share(p: float) -> None:
    if not 0 <= p < 1:
        raise NetError("dropout is a share from 0 to below 1", found=f"p = {p}", hint="--dropout 0.1")

"""Pooling: each window of a map becomes one number; Flatten, where maps end and columns begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from firesteel.errors import NetError
from firesteel.nets.layer import NumpyLines, Slot, Step
from firesteel.nets.maps import MapLayer, Shape, WindowLayer, as_maps, as_rows, n_numbers

_max_gradient: Any = torch.ops.aten.max_pool2d_with_indices_backward.grad_input
_avg_gradient: Any = torch.ops.aten.avg_pool2d_backward


@dataclass(frozen=True)
class _Pool(WindowLayer):
    """A window of each channel on its own."""

    @property
    def shape_out(self) -> Shape:
        places = self.window_shape()
        if any(2 * padding > kernel for padding, kernel in zip(self.padding, self.kernel, strict=True)):
            raise NetError(
                "padding is at most half of the window",
                found=f"padding {self.padding}, kernel {self.kernel}",
                hint="less padding",
            )
        return *places, self.checked[2]

    def _constants(self) -> dict[str, Any]:
        names = ("kernel", "stride", "padding")
        return {name: getattr(self, name) for name in names} | {"shape": self.checked, "places": self.window_shape()}


_WINDOWS = """\
(n_down, n_across), (s_down, s_across), (p_down, p_across) = places, stride, padding
maps = x.reshape(-1, *shape)
padded = np.pad(maps, ((0, 0), (p_down, p_down), (p_across, p_across), (0, 0)), constant_values={around})
windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
windows = windows[:, ::s_down, ::s_across].reshape(len(x), n_down, n_across, shape[2], -1)
"""

_BACK = """\
dy = dy.reshape(-1, n_down, n_across, shape[2])
d_padded = np.zeros_like(padded)
for i in range(kernel[0]):
    for j in range(kernel[1]):
        down = slice(i, i + s_down * n_down, s_down)
        across = slice(j, j + s_across * n_across, s_across)
        d_padded[:, down, across] += {share}
dx = d_padded[:, p_down : p_down + shape[0], p_across : p_across + shape[1]].reshape(x.shape)"""


@dataclass(frozen=True)
class MaxPool2d(_Pool):
    """The largest number of each window; where several are, the first of them learns."""

    def bind(self, slot: Slot) -> Step:
        return _MaxPoolStep(self)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.MaxPool2d(_pair(self.kernel), _pair(self.stride), _pair(self.padding))

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            _WINDOWS.format(around="-np.inf") + "y = windows.max(-1).reshape(len(x), -1)",
            "first = windows.argmax(-1)\n"
            + _BACK.replace("zeros_like(padded)", "zeros(padded.shape)").format(
                share="dy * (first == i * kernel[1] + j)"
            ),
            self._constants(),
        )


class _PoolStep(Step):
    def __init__(self, layer: _Pool) -> None:
        self.shape, self.shape_out = layer.checked, layer.shape_out
        self.window = (list(layer.kernel), list(layer.stride), list(layer.padding))


class _MaxPoolStep(_PoolStep):
    back = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride, padding = self.window
        self.maps = as_maps(x, self.shape)
        y, self.places = functional.max_pool2d(self.maps, kernel, stride, padding, return_indices=True)
        return as_rows(y, x.shape[:-1])

    def backward(self, dy: Tensor) -> Tensor:
        # in memory that is there already: fresh pages for so much took longer than what is written to them
        if self.back.shape != self.maps.shape or self.back.dtype != dy.dtype:
            self.back = torch.empty_like(self.maps, dtype=dy.dtype)
        d_maps = as_maps(dy, self.shape_out)
        _max_gradient(d_maps, self.maps, *self.window, (1, 1), False, self.places, grad_input=self.back)
        return as_rows(self.back, dy.shape[:-1])


@dataclass(frozen=True)
class AvgPool2d(_Pool):
    """The mean of each window; what padding adds counts as 0."""

    def bind(self, slot: Slot) -> Step:
        return _AvgPoolStep(self)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.AvgPool2d(_pair(self.kernel), _pair(self.stride), _pair(self.padding))

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            _WINDOWS.format(around="0") + "y = windows.mean(-1).reshape(len(x), -1)",
            _BACK.format(share="dy / (kernel[0] * kernel[1])"),
            self._constants(),
        )


class _AvgPoolStep(_PoolStep):
    def forward(self, x: Tensor) -> Tensor:
        self.maps = as_maps(x, self.shape)
        return as_rows(functional.avg_pool2d(self.maps, *self.window), x.shape[:-1])

    def backward(self, dy: Tensor) -> Tensor:
        d_maps = as_maps(dy, self.shape_out)
        # neither rounded up at the edges nor without the padding, and no divisor of its own: as nn.AvgPool2d
        return as_rows(_avg_gradient(d_maps, self.maps, *self.window, False, True, None), dy.shape[:-1])


@dataclass(frozen=True)
class GlobalAvgPool2d(MapLayer):
    """The mean of each channel over all places."""

    @property
    def shape_out(self) -> Shape:
        return 1, 1, self.checked[2]

    def bind(self, slot: Slot) -> Step:
        return _GlobalStep(self.checked)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.AdaptiveAvgPool2d(1)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = x.reshape(len(x), -1, channels).mean(1)",
            "dx = np.repeat(dy[:, None, :] / n_places, n_places, axis=1).reshape(x.shape)",
            {"channels": self.checked[2], "n_places": self.checked[0] * self.checked[1]},
        )


class _GlobalStep(Step):
    def __init__(self, shape: Shape) -> None:
        self.channels, self.n_places = shape[2], shape[0] * shape[1]

    def forward(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.n_places, self.channels).mean(-2)

    def backward(self, dy: Tensor) -> Tensor:
        share = (dy / self.n_places).unsqueeze(-2)
        return share.expand(*dy.shape[:-1], self.n_places, self.channels).reshape(*dy.shape[:-1], -1)


@dataclass(frozen=True)
class Flatten(MapLayer):
    """Maps as columns, channel by channel as `nn.Flatten` has them, in the net's own precision."""

    def bind(self, slot: Slot) -> Step:
        return _FlattenStep(self.checked, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Flatten()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = x.reshape(-1, *shape).transpose(0, 3, 1, 2).reshape(len(x), -1)",
            "dx = dy.reshape(-1, shape[2], shape[0], shape[1]).transpose(0, 2, 3, 1).reshape(len(x), -1)",
            {"shape": self.checked},
        )


class _FlattenStep(Step):
    def __init__(self, shape: Shape, slot: Slot) -> None:
        self.shape, self.dtype = shape, slot.dtype
        self.is_plain = shape[2] == 1 or n_numbers(shape) == shape[2]  # one order of the numbers, not two

    def forward(self, x: Tensor) -> Tensor:
        self.was = x.dtype
        if self.is_plain:
            return x.to(self.dtype)
        height, width, channels = self.shape
        channels_first = x.view(*x.shape[:-1], height * width, channels).transpose(-1, -2)
        return channels_first.to(self.dtype).reshape(x.shape)

    def backward(self, dy: Tensor) -> Tensor:
        if self.is_plain:
            return dy.to(self.was)
        height, width, channels = self.shape
        channels_last = dy.view(*dy.shape[:-1], channels, height * width).transpose(-1, -2)
        return channels_last.to(self.was).reshape(dy.shape)


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]

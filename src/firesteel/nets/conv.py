"""Conv2d: the same small weighted sum at every place of a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.layer import Init, NumpyLines, Param, Slot, Step, zeros
from firesteel.nets.maps import Shape, WindowLayer, as_maps, as_rows

#: The closed-form gradient of a convolution in one call; `torch.nn.grad` makes it in two.
_gradients: Any = torch.ops.aten.convolution_backward


@dataclass(frozen=True)
class Conv2d(WindowLayer):
    """Each output channel is a weighted sum over a window of all input channels, with the same weights everywhere.

    Weights lie as (channels, kernel rows, kernel columns, channels in), which is torch's channels_last. Without a bias
    where a BatchNorm2d follows, which would take it out again.
    """

    channels: int
    has_bias: bool = True

    @property
    def shape_out(self) -> Shape:
        if self.channels < 1:
            raise NetError("a convolution needs output channels", found=f"{self.channels}", hint="1 or more")
        return *self.window_shape(), self.channels

    def params(self, d_in: int) -> tuple[Param, ...]:
        self.d_out(d_in)
        shape = (self.channels, *self.kernel, self.checked[2])
        weight = Param("weight", shape, _he(shape))
        return (weight, Param("bias", (1, self.channels), zeros)) if self.has_bias else (weight,)

    def bind(self, slot: Slot) -> Step:
        return _ConvStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        conv = nn.Conv2d(
            self.checked[2],
            self.channels,
            _pair(self.kernel),
            _pair(self.stride),
            _pair(self.padding),
            bias=self.has_bias,
            dtype=values["weight"].dtype,
        )
        with torch.no_grad():
            conv.weight.copy_(values["weight"].permute(0, 3, 1, 2))
            if conv.bias is not None:
                conv.bias.copy_(values["bias"].view(-1))
        return conv

    def numpy_lines(self) -> NumpyLines:
        plus = " + bias" if self.has_bias else ""
        d_bias = "\nd_bias = dy.reshape(-1, channels).sum(0, keepdims=True)" if self.has_bias else ""
        windows = (
            "(n_down, n_across), (s_down, s_across), (p_down, p_across) = places, stride, padding\n"
            "maps = x.reshape(-1, *shape)\n"
            "padded = np.pad(maps, ((0, 0), (p_down, p_down), (p_across, p_across), (0, 0)))\n"
        )
        return NumpyLines(
            windows + "windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))\n"
            "windows = windows[:, ::s_down, ::s_across]  # (n, down, across, channels in, *kernel)\n"
            f"y = (np.einsum('nyxcij,oijc->nyxo', windows, weight){plus}).reshape(len(x), -1)",
            "dy = dy.reshape(-1, n_down, n_across, channels)\n"
            "d_weight = np.einsum('nyxcij,nyxo->oijc', windows, dy)\n"
            "d_padded = np.zeros_like(padded)\n"
            "for i in range(kernel[0]):\n"
            "    for j in range(kernel[1]):\n"
            "        down = slice(i, i + s_down * n_down, s_down)\n"
            "        across = slice(j, j + s_across * n_across, s_across)\n"
            "        d_padded[:, down, across] += dy @ weight[:, i, j]\n"
            "dx = d_padded[:, p_down : p_down + shape[0], p_across : p_across + shape[1]].reshape(x.shape)" + d_bias,
            {
                "shape": self.checked,
                "kernel": self.kernel,
                "stride": self.stride,
                "padding": self.padding,
                "places": self.window_shape(),
                "channels": self.channels,
            },
        )


class _ConvStep(Step):
    """One convolution per member, one after the other; whether one grouped call is quicker was not measured."""

    def __init__(self, layer: Conv2d, slot: Slot) -> None:
        self.layer, self.context = layer, slot.context
        self.k, self.dtype, self.needs_dx = slot.k, slot.dtype, slot.needs_dx
        self.shape, self.shape_out = layer.checked, layer.shape_out
        self.weights = _per_member(slot.weights["weight"], slot.k)
        self.d_weights = _per_member(slot.grads["weight"], slot.k)
        has_bias = layer.has_bias
        self.biases = _per_member(slot.weights["bias"], slot.k) if has_bias else [None] * slot.k
        self.d_biases = _per_member(slot.grads["bias"], slot.k) if has_bias else [None] * slot.k

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.context.dtype_of_maps(self.dtype)
        x = x.to(dtype)
        is_shared = x.dim() == 2
        self.kernels = [weight.permute(0, 3, 1, 2).to(dtype) for weight in self.weights]
        self.maps = [as_maps(x if is_shared else x[i], self.shape) for i in range(self.k)]
        answers = [
            torch.conv2d(
                maps,
                kernel,
                None if bias is None else bias.view(-1).to(dtype),
                self.layer.stride,
                self.layer.padding,
            )
            for maps, kernel, bias in zip(self.maps, self.kernels, self.biases, strict=True)
        ]
        rows = [as_rows(answer, x.shape[-2:-1]) for answer in answers]
        return rows[0] if self.k == 1 else torch.stack(rows)

    def backward(self, dy: Tensor) -> Tensor | None:
        parts = [self._backward(i, dy if self.k == 1 else dy[i]) for i in range(self.k)]
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return found[0] if self.k == 1 else torch.stack(found)

    def _backward(self, i: int, dy: Tensor) -> Tensor | None:
        """Fills the gradients of member i; its gradient by x."""
        d_maps, d_weight, d_bias = _gradients(
            as_maps(dy, self.shape_out),
            self.maps[i],
            self.kernels[i],
            None if self.biases[i] is None else [self.layer.channels],
            self.layer.stride,
            self.layer.padding,
            (1, 1),  # dilation
            False,  # not transposed
            (0, 0),
            1,  # group
            (self.needs_dx, True, self.biases[i] is not None),
        )
        self.d_weights[i].copy_(d_weight.permute(0, 2, 3, 1))
        if (place := self.d_biases[i]) is not None:
            place.view(-1).copy_(d_bias)
        return as_rows(d_maps, dy.shape[:-1]) if self.needs_dx else None


def _per_member(block: Tensor, k: int) -> list[Tensor]:
    return [block] if k == 1 else list(block)


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]


def _he(shape: tuple[int, ...]) -> Init:
    """Source: He et al. 2015, for layers before a ReLU."""
    spread = math.sqrt(2 / math.prod(shape[1:]))  # whole numbers of any size: a record may name large ones
    return lambda generator, size: generator.standard_normal(size) * spread

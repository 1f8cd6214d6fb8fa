"""Feature maps: how the numbers of a row lie when they are pixels or channels.

A row `(d,)` of a picture is `(height, width, channels)` in that order, so that `(batch, d)` is at the same time torch's
`(batch, channels, height, width)` in its channels_last format, without a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from firesteel.errors import NetError
from firesteel.nets.layer import N_RECORD_MAX, Layer

#: Height, width, channels.
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class MapLayer(Layer):
    """A layer over feature maps; `shape` is (height, width, channels) of what it reads."""

    shape: tuple[int, ...]

    @property
    def shape_out(self) -> Shape:
        """Height, width and channels of what it answers."""
        return self.checked

    @property
    def checked(self) -> Shape:
        """The shape. Raises NetError where it is none."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise _misfit("maps have a height, a width and channels", str(self.shape))
        height, width, channels = self.shape
        return height, width, channels

    def d_out(self, d_in: int) -> int:
        if n_numbers(self.checked) != d_in:
            raise _misfit(f"{type(self).__name__} reads maps of {spoken(self.checked)}", f"rows of {d_in} numbers")
        d_out = n_numbers(self.shape_out)
        if d_out >= N_RECORD_MAX:
            raise _misfit("maps must fit into memory", f"{d_out:,} numbers a row")
        return d_out


@dataclass(frozen=True)
class WindowLayer(MapLayer):
    """A layer that looks at one window of the maps after the other: (rows, columns) each."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def window_shape(self) -> tuple[int, int]:
        """Windows down and across. Raises NetError where none fits."""
        height, width, _ = self.checked
        settings = (self.kernel, self.stride, self.padding)
        if any(len(pair) != 2 for pair in settings) or min(self.kernel + self.stride) < 1 or min(self.padding) < 0:
            raise _misfit("a window has rows and columns of 1 or more", f"kernel, stride, padding {settings}")
        down, across = (
            (size + 2 * padding - kernel) // stride + 1
            for size, kernel, stride, padding in zip((height, width), *settings, strict=True)
        )
        if down < 1 or across < 1:
            raise _misfit(f"a window of {self.kernel} must fit into its maps", spoken(self.checked))
        return down, across


def n_numbers(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def spoken(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def as_maps(rows: Tensor, shape: Shape) -> Tensor:
    """`(n, channels, height, width)` over the memory of `(*k, batch, d)`, where n counts all rows of all members."""
    return rows.reshape(-1, *shape).permute(0, 3, 1, 2)


def as_rows(maps: Tensor, lead: torch.Size) -> Tensor:
    """`(*lead, d)` from `(n, channels, height, width)`; a copy only where the maps are not in channels_last."""
    return maps.permute(0, 2, 3, 1).reshape(*lead, -1)


def _misfit(must: str, found: str) -> NetError:
    return NetError(must, found=found, hint="sizes that fit each other, or the model.json that fit wrote")

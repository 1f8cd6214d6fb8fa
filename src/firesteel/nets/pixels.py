"""Layers for raw pixels: Pixels makes numbers of them that a net can learn from, Augment shows them in other ways."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firesteel.errors import NetError
from firesteel.nets.layer import NumpyLines, Param, Slot, Step, ones, zeros
from firesteel.nets.maps import MapLayer, Shape, as_maps, as_rows

#: The brightest grey level of a byte.
LEVEL_MAX = 255.0

#: Rows that the mean and the spread are summed over at once.
_N_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Pixels(MapLayer):
    """Grey levels 0 to 255, each channel brought to mean 0 and spread 1 by all training pictures.

    `by` can be less than that: "range" divides by 255, "centre" takes the mean away, "none" leaves them as they are.
    Reads uint8 and runs in every step: a training set stays as small in memory as its pixels.
    """

    is_fitted: ClassVar[bool] = True

    by: Literal["none", "centre", "range", "standard"] = "standard"

    def state(self, d_in: int) -> tuple[Param, ...]:
        return Param("mean", (1, self.checked[2]), zeros), Param("spread", (1, self.checked[2]), ones)

    def fit(self, x: Tensor) -> dict[str, Tensor]:
        channels = self.checked[2]
        if self.by in ("none", "range"):
            spread = torch.full((1, channels), LEVEL_MAX if self.by == "range" else 1.0, dtype=torch.float64)
            return {"mean": torch.zeros_like(spread), "spread": spread}
        total, squares = torch.zeros(2, channels, dtype=torch.float64)
        for part in x.split(_N_ROWS_AT_ONCE):
            levels = part.reshape(-1, channels).double()
            total += levels.sum(0)
            squares += levels.square().sum(0)
        n = max(1, x.numel() // channels)
        mean = total / n
        spread = (squares / n - mean.square()).clamp_min(0).sqrt()
        is_used = (spread > 0) & torch.tensor(self.by == "standard")
        spread = torch.where(is_used, spread, torch.ones_like(spread))
        return {"mean": mean.view(1, -1), "spread": spread.view(1, -1)}

    def bind(self, slot: Slot) -> Step:
        return _PixelsStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return PixelsModule(self.checked, values["mean"], values["spread"])

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = ((x.reshape(len(x), -1, channels) - mean) / spread).reshape(len(x), -1)",
            "dx = (dy.reshape(len(dy), -1, channels) / spread).reshape(len(dy), -1)",
            {"channels": self.checked[2]},
        )


class _PixelsStep(Step):
    def __init__(self, layer: Pixels, slot: Slot) -> None:
        self.channels = layer.checked[2]
        # all members share what was fitted on the training rows
        mean, spread = (slot.state[name].reshape(-1, self.channels)[:1] for name in ("mean", "spread"))
        self.mean, self.factor = mean, 1 / spread
        self.y = torch.empty(slot.batch, slot.d_in, dtype=slot.dtype, device=slot.device)

    def forward(self, x: Tensor) -> Tensor:
        if self.y.shape != x.shape:  # val rows of fold-members, which are of their own
            self.y = self.y.new_empty(x.shape)
        by_channel = self.y.copy_(x).view(*x.shape[:-1], -1, self.channels)
        by_channel.sub_(self.mean).mul_(self.factor)
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        return (dy.view(len(dy), -1, self.channels) * self.factor).view_as(dy)


class PixelsModule(nn.Module):
    """`(n, height * width * channels)` grey levels to `(n, channels, height, width)` of mean 0 and spread 1."""

    def __init__(self, shape: Shape, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", mean.clone())
        self.register_buffer("spread", spread.clone())

    def forward(self, x: Tensor) -> Tensor:
        levels = x.to(self.get_buffer("mean").dtype).view(-1, *self.shape)
        return ((levels - self.get_buffer("mean")) / self.get_buffer("spread")).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        return "height={}, width={}, channels={}".format(*self.shape)


@dataclass(frozen=True)
class Augment(MapLayer):
    """In training every picture is shown shifted, turned, scaled, mirrored or with a hole, each time anew.

    `shift` is a share of the width and of the height, `rotate` in degrees, `scale` a share, each at most and to both
    sides; `erase` is the share of the pictures that lose a rectangle, `flip` of those that are mirrored. What comes in
    at the edge repeats the edge. One member's draw serves all members.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    erase: float = 0.0
    flip: float = 0.0

    @property
    def shape_out(self) -> Shape:
        settings = (self.shift, self.rotate, self.scale, self.erase, self.flip)
        if min(settings) < 0 or self.rotate > 180 or max(self.shift, self.scale, self.erase, self.flip) > 1:
            raise NetError(
                "augmentation is given in shares from 0 to 1, turns in degrees up to 180",
                found=f"{settings}",
                hint="--shift 0.07 --rotate 10",
            )
        return self.checked

    def bind(self, slot: Slot) -> Step:
        return _AugmentStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return nn.Identity()

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = x  # pictures are changed in training only", "dx = dy")


#: Area of a hole as a share of the picture, and how much longer than wide it may be. Source: arXiv 1708.04896.
_HOLE_AREA, _HOLE_RATIO = (0.02, 0.2), 3.0


class _AugmentStep(Step):
    def __init__(self, layer: Augment, slot: Slot) -> None:
        self.layer, self.context, self.shape = layer, slot.context, layer.checked

    def forward(self, x: Tensor) -> Tensor:
        if not self.context.is_training:
            return x
        generator = np.random.Generator(self.context.generators[0])
        layer = self.layer
        if layer.shift or layer.rotate or layer.scale or layer.flip:
            maps = as_maps(x, self.shape)
            places = torch.from_numpy(self._draw_places(generator, len(x))).to(x)
            moved = functional.grid_sample(
                maps, self._grid(places), mode="bilinear", padding_mode="border", align_corners=False
            )
            x = as_rows(moved, x.shape[:-1])
        return self._with_holes(generator, x) if layer.erase else x

    def backward(self, dy: Tensor) -> Tensor:
        raise NotImplementedError("what stands before an Augment does not learn")

    def _grid(self, places: Tensor) -> Tensor:
        """Where each pixel is taken from, `(n, h, w, 2)`; `affine_grid` makes the same by thin matrix products."""
        height, width, _ = self.shape
        across = (2 * torch.arange(width).to(places) + 1) / width - 1
        down = ((2 * torch.arange(height).to(places) + 1) / height - 1).view(-1, 1)
        a, b, c = places.view(-1, 2, 3, 1, 1).unbind(2)  # (n, 2, 1, 1) each
        return (a * across + b * down + c).permute(0, 2, 3, 1)

    def _draw_places(self, generator: np.random.Generator, n: int) -> np.ndarray:
        """From where in the picture each pixel is taken: `(n, 2, 3)`."""
        layer, (height, width, _) = self.layer, self.shape
        turn, zoom, across, down, mirror = generator.random((5, n))
        angle = math.radians(layer.rotate) * (2 * turn - 1)
        size = 1 + layer.scale * (2 * zoom - 1)
        side = np.where(mirror < layer.flip, -1.0, 1.0)
        cos, sin = np.cos(angle) * size, np.sin(angle) * size
        ratio = height / width  # the grid counts from -1 to 1 along both sides
        rows = [
            [cos * side, -sin * ratio, layer.shift * 2 * (2 * across - 1)],
            [sin * side / ratio, cos, layer.shift * 2 * (2 * down - 1)],
        ]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)

    def _with_holes(self, generator: np.random.Generator, x: Tensor) -> Tensor:
        """A rectangle of the mean grey in a share of the pictures."""
        height, width, channels = self.shape
        chance, area, ratio, down, across = generator.random((5, len(x)))
        area = (_HOLE_AREA[0] + (_HOLE_AREA[1] - _HOLE_AREA[0]) * area) * height * width
        ratio = _HOLE_RATIO ** (2 * ratio - 1)
        tall, wide = np.sqrt(area * ratio), np.sqrt(area / ratio)
        tall = np.where(chance < self.layer.erase, tall, 0)
        rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[:, None] + 0.5
        is_row = np.abs(rows - down * height) < tall / 2  # (height, n)
        is_column = np.abs(columns - across * width) < wide / 2
        hole = torch.from_numpy(is_row.T[:, :, None] & is_column.T[:, None, :]).to(x.device)
        return x.view(len(x), height, width, channels).masked_fill(hole.unsqueeze(-1), 0).view_as(x)

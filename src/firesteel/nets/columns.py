"""Layers that make raw columns fit for a net: fitted on training rows, never trained, saved and exported with it.

They answer for any number of rows and are run once over all rows before training starts. `x_num` is `(n_rows, d)`
with NaN for a missing value; `x_cat` is `(n_rows, d)` whole numbers, 0 for an unknown level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.layer import Layer, NumpyLines, Param, Slot, Source, Step, ones, zeros

#: Where the smooth clip bends: values stay within (-3, 3). Source: RealMLP, arXiv 2407.04491, section 3.
CLIP = 3.0

#: What lies further out, in IQRs, counts as this far: its square would overflow float32 and come back as the middle.
FARTHEST = 1e6

_N_QUANTILE_ROWS = 200_000  # quantiles of more rows than this are taken from evenly spaced ones


class _Fixed(Step):
    """A step that is a plain function of x and learns nothing."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def backward(self, dy: Tensor) -> None:
        return None


class _FixedModule(nn.Module):
    """The same function as a torch module, its state in buffers."""

    def __init__(self, layer: _FixedLayer, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.names = tuple(values)
        for name, value in values.items():
            self.register_buffer(name, value.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.layer.apply(x, {name: self.get_buffer(name) for name in self.names})

    def extra_repr(self) -> str:
        return repr(self.layer)


@dataclass(frozen=True)
class _FixedLayer(Layer):
    is_fixed: ClassVar[bool] = True
    is_fitted: ClassVar[bool] = True

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        """The layer as a function of x and its state."""
        raise NotImplementedError

    def bind(self, slot: Slot) -> Step:
        # all members share what was fitted on the training rows
        state = {name: value if slot.k == 1 else value[0] for name, value in slot.state.items()}
        return _Fixed(lambda x: self.apply(x, state))

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return _FixedModule(self, values)


@dataclass(frozen=True)
class Impute(_FixedLayer):
    """A missing number becomes the median of the training rows (0 where they have none)."""

    def d_out(self, d_in: int) -> int:
        return d_in

    def state(self, d_in: int) -> tuple[Param, ...]:
        return (Param("fill", (1, d_in), zeros),)

    def fit(self, x: Tensor) -> dict[str, Tensor]:
        median = _thin(x).nanmedian(0, keepdim=True).values
        return {"fill": torch.nan_to_num(median, nan=0.0)}

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        return torch.where(torch.isnan(x), state["fill"], x)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = np.where(np.isnan(x), fill, x)", "dx = None")


@dataclass(frozen=True)
class MissingFlag(_FixedLayer):
    """1 where a number is missing and 0 where it is there, for the named columns."""

    columns: tuple[int, ...]

    def d_out(self, d_in: int) -> int:
        check_columns(self.columns, d_in)
        return len(self.columns)

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        return torch.isnan(x[:, list(self.columns)]).to(x.dtype)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = np.isnan(x[:, columns]).astype(x.dtype)", "dx = None", {"columns": list(self.columns)})


@dataclass(frozen=True)
class RobustScale(_FixedLayer):
    """(x - median) / IQR, then bent smoothly into (-3, 3), so that no outlier rules.

    Where the middle half of the training rows is one value, half the range takes the place of the IQR.
    Source: RealMLP, arXiv 2407.04491, section 3.
    """

    def d_out(self, d_in: int) -> int:
        return d_in

    def state(self, d_in: int) -> tuple[Param, ...]:
        return Param("centre", (1, d_in), zeros), Param("scale", (1, d_in), ones)

    def fit(self, x: Tensor) -> dict[str, Tensor]:
        marks = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=x.dtype, device=x.device)
        low, first, median, third, high = torch.quantile(_thin(x), marks, dim=0, keepdim=True)
        iqr, half_range = third - first, (high - low) / 2
        scale = torch.where(iqr > 0, iqr, torch.where(half_range > 0, half_range, torch.ones_like(iqr)))
        return {"centre": median, "scale": scale}

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        unit = ((x - state["centre"]) / state["scale"]).clamp(-FARTHEST, FARTHEST)
        return unit / torch.sqrt(1 + (unit / CLIP) ** 2)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "unit = np.clip((x - centre) / scale, -farthest, farthest)\ny = unit / np.sqrt(1 + (unit / clip) ** 2)",
            "dx = None",
            {"clip": CLIP, "farthest": FARTHEST},
        )


@dataclass(frozen=True)
class Scale(_FixedLayer):
    """(x - centre) / scale, a plain linear function of each column.

    `by`: "standard" takes the mean and the standard deviation of the training rows, "range" brings their least and
    largest value to 0 and 1, "centre" takes the mean alone.
    """

    by: Literal["centre", "range", "standard"]

    def d_out(self, d_in: int) -> int:
        return d_in

    def state(self, d_in: int) -> tuple[Param, ...]:
        return Param("centre", (1, d_in), zeros), Param("scale", (1, d_in), ones)

    def fit(self, x: Tensor) -> dict[str, Tensor]:
        low, high = x.amin(0, keepdim=True), x.amax(0, keepdim=True)
        unit = (high - low).clamp_min(torch.finfo(x.dtype).tiny)
        # squares of large numbers would overflow, sums of far ones lose digits: both within the range
        inner = (x - low) / unit
        mean = low + unit * inner.mean(0, keepdim=True)
        scale = {"centre": torch.ones_like(low), "range": high - low, "standard": unit * inner.std(0, correction=0)}
        found = scale[self.by]
        return {
            "centre": low if self.by == "range" else mean,
            "scale": torch.where(high > low, found, torch.ones_like(found)),
        }

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        return (x - state["centre"]) / state["scale"]

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines("y = (x - centre) / scale", "dx = None")


@dataclass(frozen=True)
class OneHot(_FixedLayer):
    """Each level of a category as a column of its own; an unknown level (code 0) is 0 in all of them."""

    reads: ClassVar[Source] = "cat"

    columns: tuple[int, ...]
    n_levels: tuple[int, ...]  # codes of each column, 0 included

    def d_out(self, d_in: int) -> int:
        check_columns(self.columns, d_in)
        check_levels(self.columns, self.n_levels)
        return sum(self.n_levels) - len(self.n_levels)

    def apply(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        parts = [
            x[:, column, None] == torch.arange(1, n_levels, device=x.device)
            for column, n_levels in zip(self.columns, self.n_levels, strict=True)
        ]
        return torch.cat(parts, dim=1).to(torch.get_default_dtype())

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "y = np.hstack([x[:, [c]] == np.arange(1, n) for c, n in zip(columns, n_levels)]).astype(float)",
            "dx = None",
            {"columns": list(self.columns), "n_levels": list(self.n_levels)},
        )


def check_columns(columns: tuple[int, ...], d_in: int) -> None:
    if not columns or min(columns) < 0 or max(columns) >= d_in:
        raise NetError(
            "a layer reads columns that are there",
            found=f"{short(columns)} of {d_in}",
            hint="the model.json that fit wrote",
        )


def check_levels(columns: tuple[int, ...], n_levels: tuple[int, ...]) -> None:
    """Raises NetError unless every column has its number of codes."""
    if len(columns) != len(n_levels) or min(n_levels) < 1:
        raise NetError(
            "every column of codes has its levels, 0 for the unknown among them",
            found=f"columns {short(columns)} with {short(n_levels)} levels",
            hint="the model.json that fit wrote",
        )


def _thin(x: Tensor) -> Tensor:
    return x[:: -(-len(x) // _N_QUANTILE_ROWS)] if len(x) > _N_QUANTILE_ROWS else x

"""Activations beside each other: what each makes of a number, and how steep it is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from firesteel.evaluation.look import FONT_SIZE, GRID, INK, MUTED, NET, OTHER, SMALL, WIDTH, clean, cut, few_ticks
from firesteel.evaluation.metrics import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: x, the function there, and its gradient there, (n,) each.
Activation: TypeAlias = tuple[Floats, Floats, Floats]

COLUMNS = 3
ROW_HEIGHT = 1.6  # inches of one panel
MARGIN = 0.06  # of the height of a panel
JUMP = 0.2  # of a gradient, from one place to the next
MAX_NAME = 18  # letters of a title


def draw_activations(curves: Mapping[str, Activation]) -> Figure:
    """A panel for each name, all of one height: the function thick, its gradient thin."""
    from matplotlib.figure import Figure

    assert curves, "there is something to draw"
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    drawn = Figure(figsize=(WIDTH, 0.35 + ROW_HEIGHT * rows), layout="constrained")
    panels = drawn.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in panels.flat[len(curves) :]:
        ax.set_visible(False)
    for ax in panels.flat[max(len(curves) - columns, 0) : len(curves)]:
        ax.tick_params(labelbottom=True)  # the last of each column, also above an empty place
    low, high = _range_of(curves)
    pad = MARGIN * (high - low)
    for ax, (name, (x, y, dy)) in zip(panels.flat, curves.items(), strict=False):
        _draw_one(ax, x, y, dy=dy)
        ax.set_title(cut(clean(name), MAX_NAME), fontsize=FONT_SIZE, color=INK, fontweight="bold", parse_math=False)
        ax.set_xlim(float(x[0]), float(x[-1]))
        ax.set_ylim(low - pad, high + pad)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(few_ticks(whole=True, n=4, is_inside=True))
    drawn.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=SMALL,
        labelcolor=INK, handlelength=1.4,
    )  # fmt: skip
    return drawn


def _draw_one(ax: Axes, x: Floats, y: Floats, *, dy: Floats) -> None:
    for place in (ax.axhline, ax.axvline):
        place(0, color=GRID, linewidth=0.8, zorder=1)
    ax.plot(x, y, color=NET, linewidth=2.4, zorder=3, label="function")
    ax.plot(x, _broken(dy), color=OTHER, linewidth=1.2, zorder=2, label="gradient")
    ax.tick_params(which="both", length=0, colors=MUTED, labelsize=SMALL, pad=4)
    ax.patch.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _broken(dy: Floats) -> Floats:
    """The gradient without the upright line that would stand where it jumps."""
    steps = np.abs(np.diff(dy))
    whole = np.array(dy, dtype=np.float64)
    whole[1:][steps > JUMP] = np.nan
    return whole


def _range_of(curves: Mapping[str, Activation]) -> tuple[float, float]:
    values = np.concatenate([np.concatenate([y, dy]) for _, y, dy in curves.values()])
    return float(values.min()), float(values.max())

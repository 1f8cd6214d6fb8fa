"""How it is drawn what a net answers everywhere, along one column or on a plane, beside the rows that it is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from firesteel.evaluation.look import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    GRID,
    INK,
    MARKER_SIZES,
    MAX_LABEL,
    MUTED,
    NET,
    OTHER,
    PAPER,
    SMALL,
    WIDTH,
    clean,
    cut,
    dress,
    new_axes,
    number_ticks,
    short,
)
from firesteel.evaluation.metrics import Floats
from firesteel.evaluation.report import Report
from firesteel.evaluation.traces import Curve, Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

NOWHERE = "no data\nhere"
NETWORK, MEMBERS = "network", "its members"
PARTS = ("train rows", "test rows")
ROWS = ("train row", "test row", "wrong")
MAX_BEYOND = 0.6  # of the height that data and curve have within the data, that the curve beyond it may add
HEIGHTS, WORDS = (0.1, 0.9, 0.5), 0.1  # of the axes: where NOWHERE may stand, and how far it reaches
LEGEND_ROW = 0.2  # inches
LETTER, MARK = 0.068, 0.42  # inches of a letter, and of the mark before a name with the gap behind it, in a legend
SURE = (0.0, math.log(3), math.log(9), math.log(99))  # how much likelier than the next class: 50, 75, 90, 99 % of both
TINT = 0.12  # of the class colour, for each of these


def data_fit(report: Report, ax: Axes | None = None) -> Axes:
    """The rows and what the net says along its one column, within the training data and beyond."""
    curve = report.curve
    if curve is None:
        return ax or new_axes(height=3.0)
    names = _names_of(report) or [NETWORK, *([MEMBERS] if curve.members else []), *PARTS]
    ax = ax or new_axes(height=3.2 + LEGEND_ROW * _legend_rows(names))
    (_draw_classes if report.classes else _draw_fit)(ax, report, curve=curve)
    ax.set_xscale("log" if curve.is_log else "linear")
    ax.set_xlim(curve.x[0], curve.x[-1])
    _shade_beyond(ax, curve)
    number_ticks(ax.xaxis)
    return ax


def boundary(report: Report, ax: Axes | None = None) -> Axes:
    """The plane of two columns in the colour of the class picked, stronger where the net is surer, and the rows."""
    plane = report.plane
    names = _names_of(report)
    ax = ax or new_axes(height=3.7 + LEGEND_ROW * _legend_rows([*names, *ROWS]))
    if plane is None:
        return ax
    ax.set_xscale("log" if plane.is_log[0] else "linear")
    ax.set_yscale("log" if plane.is_log[1] else "linear")
    _tint(ax, plane)
    for code, colour in enumerate(CLASS_COLOURS[: len(names)]):
        for points, size, edge in ((plane.train, 3.6, 0.0), (plane.test, 6.5, 0.9)):
            mine = np.array(points.true, dtype=np.int64) == code
            x, y = np.array(points.x)[mine], np.array(points.y)[mine]
            ax.plot(
                x, y, linestyle="none", marker=CLASS_MARKERS[code], color=colour, markersize=size * MARKER_SIZES[code],
                markeredgecolor=PAPER, markeredgewidth=edge, zorder=3 + edge,
            )  # fmt: skip
    wrong = np.array(plane.test.true, dtype=np.int64) != np.array(plane.test.picked, dtype=np.int64)
    x, y = np.array(plane.test.x)[wrong], np.array(plane.test.y)[wrong]
    ax.plot(x, y, "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.2, zorder=5)
    ax.set_xlim(plane.x)
    ax.set_ylim(plane.y)
    for axis in (ax.xaxis, ax.yaxis):
        number_ticks(axis)
    dress(ax, x=short(plane.columns[0]), y=short(plane.columns[1]))
    _explain(ax, [*_class_marks(len(names)), *_row_marks()], [*names, *ROWS])
    return ax


def _row_marks() -> list[Line2D]:
    from matplotlib.lines import Line2D

    ring = Line2D([], [], linestyle="none", marker="o", markersize=9, markerfacecolor="none", markeredgecolor=INK)
    return [_mark("o", MUTED, size=3.6), _mark("o", MUTED), ring]


def _draw_fit(ax: Axes, report: Report, *, curve: Curve) -> None:
    """Rows of a regression, the net's curve, thin ones of its members."""
    from matplotlib.lines import Line2D

    x, y = np.array(curve.x), np.array(curve.answers[0])
    n = max(len(curve.train.x), 1)
    size, alpha = float(np.clip(40 / math.sqrt(n), 3.0, 6.0)), float(np.clip(8 / math.sqrt(n), 0.45, 0.9))
    ax.plot(curve.train.x, curve.train.y, "o", color=MUTED, markersize=size, markeredgewidth=0, alpha=alpha, zorder=2)
    ax.plot(
        curve.test.x, curve.test.y, "D", color=OTHER, markersize=size, markeredgecolor=PAPER, markeredgewidth=0.5,
        zorder=3,
    )  # fmt: skip
    for line in curve.members:
        ax.plot(x, line, color=NET, linewidth=0.8, alpha=0.4, zorder=4)
    _line(ax, curve, y, colour=NET)
    marks = [Line2D([], [], color=NET, linewidth=2.2), _mark("o", MUTED), _mark("D", OTHER)]
    words = [NETWORK, *PARTS]
    if curve.members:
        marks.insert(1, Line2D([], [], color=NET, linewidth=0.8, alpha=0.6))
        words.insert(1, MEMBERS)
    ax.set_ylim(*_height(curve, y))
    number_ticks(ax.yaxis)
    _explain(ax, marks, words)
    dress(ax, x=short(curve.column), y=short(report.target), grid="y")


def _draw_classes(ax: Axes, report: Report, *, curve: Curve) -> None:
    """The probability of each class, above them the rows, each in the lane of its class."""
    names = _names_of(report)
    lane = 0.055
    for code, line in enumerate(curve.answers):
        colour, height = CLASS_COLOURS[code], 1.06 + lane * code
        _line(ax, curve, np.array(line), colour=colour)
        for points, size in ((curve.train, 2.6), (curve.test, 4.5)):
            mine = np.array(points.true, dtype=np.int64) == code
            x = np.array(points.x)[mine]
            ax.plot(
                x, np.full(len(x), height), CLASS_MARKERS[code], color=colour,
                markersize=size * MARKER_SIZES[code], markeredgewidth=0, alpha=0.7, zorder=3,
            )  # fmt: skip
    ax.set_ylim(-0.03, 1.06 + lane * len(names))
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    dress(ax, x=short(curve.column), y="probability", grid="y")
    _explain(ax, _class_marks(len(names)), names)


def _line(ax: Axes, curve: Curve, y: Floats, *, colour: str) -> None:
    """Solid where there is training data, dashed beyond."""
    x = np.array(curve.x)
    within = (x >= curve.ends[0]) & (x <= curve.ends[1])
    ax.plot(x[within], y[within], color=colour, linewidth=2.2, solid_capstyle="round", zorder=5)
    for part in (x <= curve.ends[0], x >= curve.ends[1]):
        ax.plot(x[part], y[part], color=colour, linewidth=1.8, linestyle=(0, (3, 2)), zorder=5)


def _shade_beyond(ax: Axes, curve: Curve) -> None:
    """Where there was nothing to learn from; said where no curve runs."""
    x, low, high = np.array(curve.x), *ax.get_ylim()
    lines = np.array(curve.answers + curve.members)
    for start, end in ((curve.x[0], curve.ends[0]), (curve.ends[1], curve.x[-1])):
        if end <= start:
            continue
        ax.axvspan(start, end, color=GRID, alpha=0.45, linewidth=0)
        places = (lines[:, (x >= start) & (x <= end)] - low) / (high - low)
        n_near = [int((abs(places - height) < WORDS).sum()) for height in HEIGHTS]
        middle = math.sqrt(start) * math.sqrt(end) if curve.is_log else start / 2 + end / 2
        ax.text(
            middle, HEIGHTS[n_near.index(min(n_near))], NOWHERE, transform=ax.get_xaxis_transform(), ha="center",
            va="center", color=MUTED, fontsize=SMALL, zorder=6,
        )  # fmt: skip


def _height(curve: Curve, y: Floats) -> tuple[float, float]:
    """From where to where the numbers go: all rows, the curve within them, and as much beyond as keeps these large."""
    x = np.array(curve.x)
    within = y[(x >= curve.ends[0]) & (x <= curve.ends[1])]
    inner = np.concatenate([curve.train.y, curve.test.y, within])
    low, high = float(inner.min()), float(inner.max())
    more = MAX_BEYOND * (high - low) or abs(low) or 1.0
    low, high = max(low - more, min(low, float(y.min()))), min(high + more, max(high, float(y.max())))
    pad = 0.05 * (high - low) or more
    return low - pad, high + pad


def _tint(ax: Axes, plane: Plane) -> None:
    """Each class's region in its colour, a layer more for each step of sureness."""
    logs = plane.log_ratio
    x, y = plane.places
    for code, mine in enumerate(logs):
        others = np.delete(logs, code, axis=0)
        ahead = mine - (others.max(axis=0) if len(others) else mine)  # logarithm of how much likelier
        top = float(ahead.max())
        for step in SURE:
            if top > step:
                ax.contourf(x, y, ahead, levels=[step, top + 1], colors=[CLASS_COLOURS[code]], alpha=TINT, zorder=1)
        if ahead.min() < 0 < top:
            ax.contour(x, y, ahead, levels=[0], colors=[PAPER], linewidths=1.6, zorder=1.5)


def _names_of(report: Report) -> list[str]:
    return [cut(clean(name), MAX_LABEL) for name in report.classes]


def _mark(marker: str, colour: str, *, size: float = 6.5) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=size, markeredgewidth=0)


def _class_marks(n: int) -> list[Line2D]:
    looks = zip(CLASS_MARKERS, CLASS_COLOURS, MARKER_SIZES, strict=True)
    return [_mark(marker, colour, size=6.5 * size) for marker, colour, size in looks][:n]


def _legend_columns(names: Sequence[str], *, width: float = WIDTH - 0.6) -> int:
    """As many as stand beside each other in so many inches; names fill one column after the other."""
    for n in range(len(names), 1, -1):
        columns = np.array_split([len(name) for name in names], n)
        if sum(MARK + LETTER * max(column) for column in columns) < width:
            return n
    return 1


def _legend_rows(names: Sequence[str]) -> int:
    return math.ceil(len(names) / _legend_columns(names))


def _explain(ax: Axes, marks: Sequence[Line2D], names: Sequence[str]) -> None:
    """A legend above the axes, as wide as the numbers beside them leave room."""
    numbers = ax.yaxis.get_major_formatter().format_ticks(list(ax.get_yticks()))
    width = WIDTH - 0.4 - LETTER * max(map(len, numbers), default=0)
    legend = ax.legend(
        marks, [str(i) for i in range(len(names))],  # matplotlib leaves out what begins with _
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=_legend_columns(names, width=width), frameon=False,
        fontsize=SMALL, labelcolor=INK, handlelength=1.4, handletextpad=0.4, columnspacing=1.1, borderaxespad=0.2,
    )  # fmt: skip
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(name)

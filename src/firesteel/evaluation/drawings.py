"""How each figure of a report is drawn: on the axes given, or on a new figure; gives back the axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.digits import style_of, styled
from firesteel.evaluation.look import (
    FONT_SIZE,
    GRID,
    INK,
    MUTED,
    NET,
    OTHER,
    PAPER,
    SMALL,
    dress,
    few_ticks,
    is_wide,
    name_rows,
    new_axes,
    plain_log_ticks,
    short,
)
from firesteel.evaluation.metrics import BY_NAME
from firesteel.evaluation.picture_drawings import put_examples
from firesteel.evaluation.report import Report, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CLASSES = 15  # in the confusion matrix; of more, those with most mistakes
MAX_BARS = 15  # columns in the importances
NAME_HEIGHT = 0.09  # of the axes, that the name of a curve takes
BINS = 10  # of the calibration's histogram, as wide as its bins


def models(report: Report, ax: Axes | None = None) -> Axes:
    """The network among the baselines, best on top, with 95 % intervals."""
    rows = report.standings
    ax = ax or new_axes(height=0.55 + 0.36 * len(rows))
    low, high = _range_of(rows)
    style = style_of([one.score.value for one in rows], metric=report.main.name)
    for i, one in enumerate(rows):
        found, colour = one.score, NET if one.is_net else MUTED
        text = styled(found.value, style)
        if not low <= found.value <= high:  # far off: an arrow at the edge keeps the others apart
            is_left = found.value < low
            text, place = (f"◂ {text}", low) if is_left else (f"{text} ▸", high)
            ax.text(place, i, text, ha="left" if is_left else "right", va="center", color=MUTED, fontsize=SMALL)
            continue
        if not math.isnan(found.low):
            ends = max(found.low, low), min(found.high, high)
            ax.plot(
                ends, [i, i], color=colour, linewidth=3.5 if one.is_net else 2.5, alpha=0.45, solid_capstyle="round"
            )
        ax.plot(found.value, i, "o", color=colour, markersize=8 if one.is_net else 6)
        ax.annotate(
            text,
            (found.value, i),
            (0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=colour if one.is_net else INK,
            fontsize=SMALL,
            fontweight="bold" if one.is_net else "normal",
        )
    name_rows(ax, [one.label for one in rows], bold=next(i for i, one in enumerate(rows) if one.is_net))
    ax.set_ylim(len(rows) - 0.5, -0.75)
    margin = 0.04 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.xaxis.set_major_locator(few_ticks())
    better = "more is better" if report.main.is_higher_better else "less is better"
    dress(ax, x=f"{BY_NAME[report.main.name].label}{_of_unit(report)} on the test rows, {better}", grid="x")
    name_rows(ax, [one.label for one in rows], bold=next(i for i, one in enumerate(rows) if one.is_net))
    ax.set_ylim(len(rows) - 0.5, -0.75)
    return ax


def learning_curve(report: Report, ax: Axes | None = None) -> Axes:
    """Train and val loss after each epoch: thin lines are members, thick ones their mean."""
    ax = ax or new_axes(height=2.9)
    history = report.history
    if history is None:
        return ax
    lowest, highest = math.inf, 0.0
    last = 0
    ends: list[tuple[str, float, float, str]] = []
    parts = [("train", history.train_loss, OTHER), ("val", history.val_loss, NET)]
    for label, losses, colour in parts if report.chosen_on == "val" else parts[:1]:
        curves = np.array(losses, dtype=np.float64)  # (epochs, members)
        curves[~np.isfinite(curves)] = np.nan
        if curves.size == 0 or np.isnan(curves).all():
            continue
        epochs = np.arange(1, len(curves) + 1)
        known = ~np.isnan(curves).all(axis=1)
        mean = np.full(len(curves), np.nan)
        mean[known] = np.nanmean(curves[known], axis=1)
        if curves.shape[1] > 1:
            ax.plot(epochs, curves, color=colour, linewidth=0.8, alpha=0.35)
        ax.plot(epochs, mean, color=colour, linewidth=2.2, solid_capstyle="round")
        end = int(np.flatnonzero(known)[-1])
        ends.append((label, float(epochs[end]), float(mean[end]), colour))
        lowest, highest = min(lowest, float(np.nanmin(curves))), max(highest, float(np.nanmax(curves)))
        last = max(last, len(curves))
    _mark_best_epochs(ax, history.best_epoch)
    if is_wide((lowest, highest)):
        ax.set_yscale("log")
        plain_log_ticks(ax)
    ax.set_xlim(1 if last > 1 else 0.5, max(last, 1.5))
    ax.xaxis.set_major_locator(few_ticks(whole=True))
    scaled = ", target standardised" if report.is_target_scaled else ""
    loss = f"mean squared error{scaled}" if report.task == "regression" else "log loss"
    dress(ax, x="epoch", y=loss, grid="y")
    _name_curves(ax, ends)
    return ax


def confusion(report: Report, ax: Axes | None = None) -> Axes:
    """What each true class (row) was taken for (column): rows of the table and, as colour, their share.

    Of pictures, the most frequent mistakes have an example in their cell.
    """
    shown, n_hidden = _shown_classes(report)
    counts = _counts_of(report)[np.ix_(shown, shown)]
    names = [short(report.classes[i]) if report.classes else str(i) for i in shown]
    k = len(counts)
    has_pictures = report.sights is not None and bool(report.sights.examples)
    cell = min(0.75, 4.4 / max(k, 4)) if not has_pictures else min(1.5, 4.0 / k)
    ax = ax or new_axes(height=1.1 + cell * k)
    from matplotlib.patches import Rectangle

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i in range(k):
        for j in range(k):
            strength = float(shares[i, j])
            colour, alpha = (GRID, 0.35) if not counts[i, j] else (OTHER if i == j else NET, 0.2 + 0.8 * strength)
            ax.add_patch(Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, facecolor=colour, alpha=alpha, linewidth=0))
    dress(ax, x="the network's answer", y="true class")
    size = FONT_SIZE if k <= 6 else SMALL
    is_long = max(len(name) for name in names) * k > 36
    ax.set_xticks(
        range(k),
        names,
        rotation=45 if is_long else 0,
        ha="right" if is_long else "center",
        rotation_mode="anchor",
        parse_math=False,
    )
    ax.set_yticks(range(k), names, parse_math=False)
    ax.tick_params(labelsize=size, labelcolor=INK)
    ax.set_xlim(-0.5, k - 0.5)
    ax.set_ylim(k - 0.5, -0.5)
    filled: set[tuple[int, int]] = set()
    if report.sights is not None and has_pictures:
        ax.set_aspect("equal")
        filled = put_examples(ax, report.sights, places={code: i for i, code in enumerate(shown)})
    _write_counts(ax, counts, shares=shares, filled=filled)
    if n_hidden:
        ax.set_title(f"the {k} classes with most mistakes; {n_hidden} more", fontsize=SMALL, color=MUTED, loc="left")
    return ax


def calibration(report: Report, ax: Axes | None = None) -> Axes:
    """Promised probabilities against what came true, with 95 % intervals; bars below show where the rows lie."""
    ax = ax or new_axes(height=3.6)
    curve = report.mistakes.calibration
    if curve is None:
        return ax
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    most = max(bin_.n_rows for bin_ in curve.bins)
    for bin_ in curve.bins:
        left = min(math.floor(bin_.promised * BINS), BINS - 1) / BINS
        ax.bar(left + 0.05, 0.13 * bin_.n_rows / most, width=0.094, color=GRID, zorder=1)
        ax.plot(
            [bin_.promised] * 2, [bin_.low, bin_.high], color=NET, linewidth=2.5, alpha=0.35, solid_capstyle="round"
        )
        size = 4 + 5 * math.sqrt(bin_.n_rows / most)
        ax.plot(bin_.promised, bin_.observed, "o", color=NET, markersize=size)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_aspect("equal")
    dress(ax, x=f"promised probability of {_promised_class(report)}", y="share that came true", grid="both")
    return ax


def residuals(report: Report, ax: Axes | None = None) -> Axes:
    """Predicted against true values; on the dashed line they are equal."""
    ax = ax or new_axes(height=3.6)
    found = report.mistakes.residuals
    if found is None:
        return ax
    true, predicted = np.array(found.true), np.array(found.predicted)
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    margin = 0.03 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    ax.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    alpha = float(np.clip(40 / math.sqrt(len(true)) / 10, 0.2, 0.7))
    ax.plot(true, predicted, "o", color=NET, markersize=4, markeredgewidth=0, alpha=alpha)
    ax.text(0.97, 0.06, "predicted too low", transform=ax.transAxes, ha="right", color=MUTED, fontsize=SMALL)
    ax.text(0.03, 0.94, "predicted too high", transform=ax.transAxes, va="top", color=MUTED, fontsize=SMALL)
    ax.set_xlim(ends)
    ax.set_ylim(ends)
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(few_ticks())
    dress(ax, x=f"true {short(report.target)}", y=f"predicted {short(report.target)}", grid="both")
    return ax


def importances(report: Report, ax: Axes | None = None) -> Axes:
    """How much worse the main metric gets when one column is shuffled, most important on top."""
    rows = report.importances[:MAX_BARS]
    ax = ax or new_axes(height=0.6 + 0.27 * len(rows))
    style = style_of([one.increase for one in rows], metric=report.main.name)
    for i, one in enumerate(rows):
        ax.barh(i, one.increase, height=0.62, color=OTHER, alpha=0.85)
        ax.plot([one.increase - one.spread, one.increase + one.spread], [i, i], color=INK, linewidth=1.6, alpha=0.5)
        end = max(one.increase + one.spread, 0.0)
        ax.annotate(
            styled(one.increase, style),
            (end, i),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=SMALL,
        )
    ax.axvline(0, color=MUTED, linewidth=1)
    ax.xaxis.set_major_locator(few_ticks())
    word = "lost" if report.main.is_higher_better else "gained"
    dress(ax, x=f"{BY_NAME[report.main.name].label} {word} when the column is shuffled", grid="x")
    name_rows(ax, [one.name for one in rows])
    return ax


def _range_of(standings: tuple[Standing, ...]) -> tuple[float, float]:
    """The part of the axis that holds every model with its interval; what knows nothing may lie outside of it."""
    able = [one.score for one in standings if not one.is_constant] or [one.score for one in standings]
    ends = [end for found in able for end in (found.low, found.value, found.high) if math.isfinite(end)]
    low, high = min(ends), max(ends)
    pad = 0.0 if high > low else max(abs(high) * 0.05, 0.05)
    return low - pad, high + pad


def _name_curves(ax: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """The name of each curve behind its end; of two that end together one stands higher."""
    heights = [float(ax.transData.transform((x, y))[1] / ax.bbox.height) for _, x, y, _ in ends]
    is_near = len(ends) == 2 and abs(heights[0] - heights[1]) < NAME_HEIGHT
    for (label, x, y, colour), height in zip(ends, heights, strict=True):
        up = 0 if not is_near else 7 if height == max(heights) and label == ends[heights.index(height)][0] else -7
        ax.annotate(
            label, (x, y), (6, up), textcoords="offset points", va="center", color=colour, fontweight="bold",
            fontsize=FONT_SIZE,
        )  # fmt: skip


def _mark_best_epochs(ax: Axes, best_epochs: tuple[int, ...]) -> None:
    """Where the weights were kept: a line for one member, a band with its ends for several."""
    known = [epoch for epoch in best_epochs if epoch > 0]
    if not known:
        return
    first, last = min(known), max(known)
    if first == last:
        ax.axvline(first, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    else:
        ax.axvspan(first, last, color=GRID, alpha=0.45, linewidth=0)
    ax.annotate(
        "weights kept",
        ((first + last) / 2, 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=MUTED,
        fontsize=SMALL,
        annotation_clip=False,
    )


def _write_counts(
    ax: Axes, counts: NDArray[np.int64], *, shares: NDArray[np.float64], filled: set[tuple[int, int]]
) -> None:
    """How many rows each cell has; in the corner of those that a picture fills."""
    size = _cell_font(len(counts), counts)
    for i, j in zip(*counts.nonzero(), strict=True):
        text = f"{counts[i, j]:,}"
        if (i, j) in filled:
            badge = {"facecolor": NET, "edgecolor": "none", "boxstyle": "square,pad=0.15"}
            small = float(np.clip(70 / len(counts), 6, SMALL))
            ax.text(j + 0.44, i + 0.42, text, ha="right", va="bottom", color=PAPER, fontsize=small, bbox=badge)
        else:
            ink = PAPER if 0.2 + 0.8 * shares[i, j] > 0.55 else INK
            ax.text(j, i, text, ha="center", va="center", color=ink, fontsize=size)


def _counts_of(report: Report) -> NDArray[np.int64]:
    found = report.mistakes.confusion
    return np.zeros((1, 1), dtype=np.int64) if found is None else found.array


def _shown_classes(report: Report) -> tuple[list[int], int]:
    """Codes of the classes that are drawn, and how many are not."""
    counts = _counts_of(report)
    if len(counts) <= MAX_CLASSES:
        return list(range(len(counts))), 0
    wrong = counts - np.diag(counts.diagonal())
    worst = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MAX_CLASSES])
    return worst.tolist(), len(counts) - MAX_CLASSES


def _cell_font(k: int, counts: NDArray[np.int64]) -> float:
    """A font size at which the largest count fits into a cell."""
    digits = len(f"{int(counts.max()):,}")
    return float(np.clip(260 / (k * max(digits, 2)), 4.5, FONT_SIZE + 1))


def _promised_class(report: Report) -> str:
    if report.task == "binary" and len(report.classes) == 2:
        return f"'{short(report.classes[1])}'"
    return "the class picked"


def _of_unit(report: Report) -> str:
    return f" in {short(report.main.unit)}" if report.main.unit else ""

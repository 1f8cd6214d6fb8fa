"""How it is drawn which value of a setting was best: val loss against the value, or the spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from firesteel.evaluation.compared import Compared
from firesteel.evaluation.look import (
    FONT_SIZE,
    INK,
    MUTED,
    NET,
    PAPER,
    SMALL,
    dress,
    is_wide,
    new_axes,
    number_ticks,
    plain_log_ticks,
)
from firesteel.evaluation.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEED = "seed"  # a name for chance, not a quantity: seeds have no order
DECADE = 10.0  # values that span more than that are spaced by their logarithms
MIN_GAP = 0.1  # of the width, between two values; nearer ones are spaced evenly instead
LETTER = 0.019  # of the width, that a letter below the axis takes
MAX_NUMBERED = 12  # seeds that have their number beside the dot; of more the dots are stacked closely
STACKED, STACKED_HEIGHT = 0.025, 0.11  # of the width and in inches, that a dot of many takes
MAX_STRIP = 3.2  # inches, of all dots together
MAX_LOST = 8  # seeds that are named where they diverged
ROOM, ROOM_ABOVE = 0.2, 0.25  # of the range: below the points, and above them where some diverged
NEAR = 0.08  # of the width, that a seed's number takes
LARGEST = 230.0  # of a logarithm, 1e100: matplotlib overflows in placing ticks far beyond
CROSSES = 0.95  # of the height, where those stand that diverged


def compared(report: Report, ax: Axes | None = None) -> Axes:
    """Val loss against the value of the setting, or of seeds as dots along a line; the kept one stands out."""
    found = report.compared
    names = varying(found)
    if names == (SEED,):
        return _strip(report, ax)
    ax = ax or new_axes(height=2.9)
    if not found:
        return ax
    words = _words_of(found, names)
    places = _places([one.settings[names[0]] for one in found]) if len(names) == 1 else _evenly(range(len(found)))
    _draw_losses(ax, found, places=places)
    shown = _thinned(places, found, n_letters=max(map(len, "\n".join(words).splitlines())))
    ax.set_xticks([places[i] for i in shown], [words[i] for i in shown], parse_math=False)
    ax.set_xlim(-0.08, 1.08)
    dress(
        ax,
        x=names[0] if len(names) == 1 else "",
        y=f"{report.chosen_on} {_loss_of(report)}".replace(" (", "\n("),
        grid="y",
    )
    for i, text in zip(shown, ax.get_xticklabels(), strict=True):
        if found[i].is_kept:
            text.set_color(NET)
            text.set_fontweight("bold")
    return ax


def varying(found: Sequence[Compared]) -> tuple[str, ...]:
    """The settings that differ from value to value; all of them where none does."""
    names = tuple(found[0].settings) if found else ()
    differ = tuple(name for name in names if len({one.settings[name] for one in found}) > 1)
    return differ or names


def spoken_value(one: Compared, names: Sequence[str]) -> str:
    """`lr 0.01`; of several settings `lr 0.01, seed 2`."""
    return ", ".join(f"{name} {one.settings[name]:g}" for name in names)


def _draw_losses(ax: Axes, found: Sequence[Compared], *, places: Sequence[float]) -> None:
    order = sorted(range(len(found)), key=lambda i: places[i])
    for i, j in pairwise(order):
        if not (found[i].is_diverged or found[j].is_diverged):
            ends = [places[i], places[j]], [found[i].val_loss, found[j].val_loss]
            ax.plot(*ends, color=MUTED, linewidth=1.2, alpha=0.6, zorder=2)
    for i, one in enumerate(found):
        if one.is_diverged:
            ax.plot(places[i], CROSSES, "x", color=INK, markersize=7, transform=ax.get_xaxis_transform(), clip_on=False)
        else:
            _dot(ax, places[i], one.val_loss, one=one)
    _make_room(ax, [one.val_loss for one in found if not one.is_diverged], above=any(one.is_diverged for one in found))
    for one, place in zip(found, places, strict=True):
        if one.is_kept and not one.is_diverged:
            ax.annotate(
                f"kept: {one.val_loss:.3g}", (place, one.val_loss), (0, -9), textcoords="offset points",
                ha=_side(place), va="top", color=NET, fontsize=FONT_SIZE, fontweight="bold",
            )  # fmt: skip
    for first, last in _runs([i for i in order if found[i].is_diverged], order):
        middle = (places[first] + places[last]) / 2
        ax.text(
            middle, CROSSES - 0.04, "diverged", transform=ax.get_xaxis_transform(), ha=_side(middle), va="top",
            color=INK, fontsize=SMALL,
        )  # fmt: skip


def _strip(report: Report, ax: Axes | None) -> Axes:
    """The seeds along val loss, those that would lie on each other one above the other."""
    found = sorted(
        (one for one in report.compared if not one.is_diverged), key=lambda one: (one.val_loss, not one.is_kept)
    )
    losses = [one.val_loss for one in found]
    is_log = is_wide(losses)
    at = [math.log(loss) for loss in losses] if is_log else losses
    is_numbered = len(found) <= MAX_NUMBERED
    levels = _levels(at, near=NEAR if is_numbered else STACKED)
    ax = ax or new_axes(
        height=1.1 + min(MAX_STRIP, (0.38 if is_numbered else STACKED_HEIGHT) * (1 + max(levels, default=0)))
    )
    for one, level in zip(found, levels, strict=True):
        _dot(ax, one.val_loss, level, one=one)
        if not (is_numbered or one.is_kept):
            continue
        words = f"kept: {SEED} {one.settings[SEED]:g}" if one.is_kept else f"{one.settings[SEED]:g}"
        ax.annotate(
            words, (one.val_loss, level), (-5 if one.is_kept else 0, -8 if one.is_kept else 6),
            textcoords="offset points", ha="left" if one.is_kept else "center", va="top" if one.is_kept else "bottom",
            color=NET if one.is_kept else MUTED, fontsize=SMALL, fontweight="bold" if one.is_kept else "normal",
        )  # fmt: skip
    lost = [f"{one.settings[SEED]:g}" for one in report.compared if one.is_diverged]
    if lost:
        ax.set_title(f"diverged: {SEED} {', '.join(lost[:MAX_LOST])}", loc="right", fontsize=SMALL, color=INK)
    if is_log:
        ax.set_autoscalex_on(False)
        ax.set_xlim(*_widened(losses[0], losses[-1], below=ROOM / 2, above=ROOM / 2))
        ax.set_xscale("log")
    else:
        ax.margins(x=0.06)
    ax.set_ylim(-0.95 if is_numbered else -0.15 * (1 + max(levels, default=0)), max(levels, default=0) + 0.9)
    ax.set_yticks([])
    if not is_log:
        number_ticks(ax.xaxis)
    dress(ax, x=f"{report.chosen_on} {_loss_of(report)}, a dot for each {SEED}", grid="x")
    return ax


def _dot(ax: Axes, x: float, y: float, *, one: Compared) -> None:
    """Hollow where the loss was still falling when training ended."""
    colour = NET if one.is_kept else MUTED
    fill = PAPER if one.is_still_falling else colour
    size = 9.0 if one.is_kept else 6.5
    ax.plot(
        x,
        y,
        "o",
        markersize=size,
        markerfacecolor=fill,
        markeredgecolor=colour,
        markeredgewidth=1.6,
        zorder=3 + one.is_kept,
    )


def _make_room(ax: Axes, losses: Sequence[float], *, above: bool) -> None:
    """Limits that leave room for words below the points, and for crosses above them."""
    if not losses:
        return
    low, high = min(losses), max(losses)
    room = ROOM_ABOVE if above else ROOM / 2
    if is_wide(losses):
        ax.set_autoscaley_on(False)  # it would go beyond all numbers before the limits are set
        ax.set_ylim(*_widened(low, high, below=ROOM, above=room))
        ax.set_yscale("log")
        plain_log_ticks(ax)
    else:
        span = (high - low) or abs(high) or 1.0
        ax.set_ylim(low - ROOM * span, high + room * span)
        number_ticks(ax.yaxis)


def _widened(low: float, high: float, *, below: float, above: float) -> tuple[float, float]:
    """Limits of a logarithmic axis with shares of its range on either side, as far as numbers go."""
    start, end = math.log(low), math.log(high)
    more = end - start
    return math.exp(max(start - below * more, -LARGEST)), math.exp(min(end + above * more, LARGEST))


def _places(values: Sequence[float]) -> list[float]:
    """From 0 to 1: by value, by its logarithm over more than a decade, or evenly where values lie too near."""
    low, high = min(values), max(values)
    is_log = low > 0 and high / low > DECADE
    spaced = [math.log(value) for value in values] if is_log else list(values)
    first, span = min(spaced), max(spaced) - min(spaced)
    if not 0 < span < math.inf:
        return [0.5] * len(values)
    places = [(place - first) / span for place in spaced]
    distinct = sorted(set(places))
    return places if min(b - a for a, b in pairwise(distinct)) >= MIN_GAP else _evenly(values)


def _evenly(values: Sequence[float]) -> list[float]:
    """From 0 to 1 in the order of the values; equal ones at the same place."""
    rank = {value: i for i, value in enumerate(sorted(set(values)))}
    return [rank[value] / max(len(rank) - 1, 1) for value in values]


def _thinned(places: Sequence[float], found: Sequence[Compared], *, n_letters: int) -> list[int]:
    """Which values are written below the axis: the kept one, and others that have room."""
    first_at = {place: i for i, place in reversed(list(enumerate(places)))}
    kept = [place for place, one in zip(places, found, strict=True) if one.is_kept]
    shown: list[float] = []
    for place in (*kept, *sorted(first_at)):
        if all(abs(place - other) >= LETTER * (n_letters + 1) for other in shown):
            shown.append(place)
    kept_at = {place: i for i, (place, one) in enumerate(zip(places, found, strict=True)) if one.is_kept}
    return [kept_at.get(place, first_at[place]) for place in sorted(set(shown))]


def _levels(at: Sequence[float], *, near: float) -> list[int]:
    """For rising places the lowest level at which each has room for itself: so much of the width."""
    span = (at[-1] - at[0]) if len(at) > 1 else 0.0
    ends: list[float] = []
    levels = []
    for place in at:
        level = next((i for i, end in enumerate(ends) if place - end > near * span), len(ends))
        ends[level : level + 1] = [place]
        levels.append(level)
    return levels


def _runs(lost: Sequence[int], order: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of those beside each other in the order."""
    runs: list[tuple[int, int]] = []
    for i in lost:
        if runs and order.index(i) == order.index(runs[-1][1]) + 1:
            runs[-1] = runs[-1][0], i
        else:
            runs.append((i, i))
    return runs


def _side(place: float) -> str:
    """On which side of its place a word stands, so that it stays within the figure."""
    return "left" if place < NEAR else "right" if place > 1 - NEAR else "center"


def _words_of(found: Sequence[Compared], names: Sequence[str]) -> list[str]:
    """What stands below each: its value in three digits where these tell all apart; of several settings a line each."""
    if len(names) > 1:
        return ["\n".join(f"{name} {one.settings[name]:g}" for name in names) for one in found]
    values = [one.settings[names[0]] for one in found]
    words = [f"{value:.3g}" for value in values]
    return words if len(set(words)) == len(set(values)) else [f"{value:g}" for value in values]


def _loss_of(report: Report) -> str:
    if report.task != "regression":
        return "log loss"
    return "mean squared error" + (" (target standardised)" if report.is_target_scaled else "")

"""Columns that are scaled exactly, over the trained rows, over those held out, or over both."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from firesteel.doctor.columns import Fresh
from firesteel.doctor.facts import Facts
from firesteel.doctor.roles import taught

#: Statistics are exact if they are off by less than this (float32 columns).
EXACT = 2e-5
#: So many rows on each side, and this share of the columns that vary.
LEAST_ROWS, LEAST_SHARE = 10, 0.6
LEAST_COLUMNS, MOST_AT_BOUNDS = 2, 2


def sides_of(facts: Facts) -> tuple[Fresh, Fresh] | None:
    """Of the rows of the width that was trained on most: the trained ones, and those only evaluated."""
    trained: dict[int, list[Fresh]] = {}
    held_out: dict[int, list[Fresh]] = {}
    learned = {id(one) for one in taught(facts)}
    for one in facts.forwards:
        if one.fresh is not None and one.role in ("training", "evaluation"):
            side = trained if id(one) in learned else held_out
            side.setdefault(len(one.fresh.total), []).append(one.fresh)
    widths = [width for width in trained if width in held_out]
    if not widths:
        return None
    width = max(widths, key=lambda one: sum(part.n for part in trained[one]))
    sides = reduce(add, trained[width]), reduce(add, held_out[width])
    return sides if min(side.n for side in sides) >= LEAST_ROWS else None


def varies(side: Fresh) -> np.ndarray:
    return side.high > side.low


def off_spread(side: Fresh) -> np.ndarray:
    """How far each varying column is from mean 0 and spread 1 (with n or n - 1 as the divisor)."""
    keep = varies(side)
    mean, variance = np.abs(side.mean[keep]), side.variance[keep]
    off = np.minimum(np.abs(np.sqrt(variance) - 1), np.abs(np.sqrt(variance * side.n / (side.n - 1)) - 1))
    return np.asarray(np.maximum(mean, off))


def measured(side: Fresh) -> np.ndarray:
    """Columns that have their bounds in one or two rows, as measured numbers have, and not words, steps or pixels."""
    return np.asarray(varies(side) & (side.n_low <= MOST_AT_BOUNDS) & (side.n_high <= MOST_AT_BOUNDS))


def off_bounds(side: Fresh) -> np.ndarray:
    """How far the bounds of each measured column are from 0 and 1, or from -1 and 1."""
    keep = measured(side)
    low, high = side.low[keep], np.abs(side.high[keep] - 1)
    off = [np.maximum(np.abs(low - start), high) for start in (0.0, -1.0)]
    return min(off, key=lambda one: float(one.sum()))


def kind_of(side: Fresh) -> str:
    """What the columns have exactly: "spread" (nearly all that vary), "bounds" (all measured ones), or nothing."""
    if not varies(side).any():
        return ""
    if np.mean(off_spread(side) < EXACT) >= LEAST_SHARE:
        return "spread"
    bounds = off_bounds(side)
    return "bounds" if len(bounds) >= LEAST_COLUMNS and bool((bounds < EXACT).all()) else ""


def is_scaled_apart(facts: Facts) -> bool:
    """Trained rows and held-out rows are scaled alike, each side by statistics of its own."""
    sides = sides_of(facts)
    return sides is not None and bool(kind_of(sides[0])) and kind_of(sides[0]) == kind_of(sides[1])

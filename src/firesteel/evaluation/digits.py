"""Numbers as people read them: few digits, the same number of decimals in a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from firesteel.evaluation.metrics import BY_NAME

SHARE_DECIMALS = 3
SIGNIFICANT = 4  # digits of the largest number of a column that is no share
LARGEST, SMALLEST = 1e7, 1e-4  # outside, powers of ten are easier to read
ABSENT = "–"


def aligned(values: Sequence[float], *, metric: str = "") -> list[str]:
    """The numbers of one column with the same decimals; a dash for what is not a finite number."""
    style = style_of(values, metric=metric)
    return [styled(value, style) for value in values]


def style_of(values: Iterable[float], *, metric: str = "") -> str:
    """The format that suits all of these numbers."""
    top = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if metric and BY_NAME[metric].is_share and top < 10 * SIGNIFICANT:
        return f".{SHARE_DECIMALS}f"
    if top == 0:
        return ".1f"
    if not SMALLEST <= top < LARGEST:
        return f".{SIGNIFICANT - 1}e"
    return f",.{max(0, SIGNIFICANT - 1 - math.floor(math.log10(top)))}f"


def styled(value: float, style: str) -> str:
    """One number in a column's format, without a minus before a zero."""
    if not math.isfinite(value):
        return ABSENT
    text = format(value, style)
    return text.removeprefix("-") if text.startswith("-") and not any(digit in text for digit in "123456789") else text


def span(low: float, high: float, style: str) -> str:
    """The ends of an interval: `0.95 to 0.99`."""
    if math.isnan(low) or math.isnan(high):
        return ABSENT
    return f"{styled(low, style)} to {styled(high, style)}"


def plural(n: int, word: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")

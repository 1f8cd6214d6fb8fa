"""Models that are a sum: their terms as data, and as one line that a person can read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CONSTANT = "1"  # the name of the term without a column
MAX_SHOWN = 10  # terms of one line
DIGITS = 4  # of a coefficient, as of the scores beside it
#: A term that moves the answer by less than this share of what the largest does is rounding: float64 keeps 16 digits,
#: and turning standardised coefficients into those of raw columns costs some of them.
ROUNDING = 1e-11
PLAIN_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Term:
    """One summand of a formula: `coefficient` times what `name` says, in the raw columns' units.

    Names are `1`, `x`, `x^3`, `c^-2`, `b*d`, `a*b^-1`. `effect` is how far the term moves the answer on training rows:
    |coefficient| times the standard deviation of what it multiplies, of the constant its size; None where nobody knows.
    """

    name: str
    coefficient: float
    effect: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "coefficient": self.coefficient, "effect": self.effect}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Term:
        effect = record.get("effect")
        return cls(str(record["name"]), float(record["coefficient"]), None if effect is None else float(effect))


def term_name(names: Sequence[str], powers: Sequence[int]) -> str:
    """What a product of powers of columns is called; a name that is more than one word stands in quotes."""
    parts = []
    for name, power in zip(names, powers, strict=True):
        if power:
            word = name if PLAIN_NAME.fullmatch(name) else f"'{name}'"
            parts.append(word if power == 1 else f"{word}^{power}")
    return "*".join(parts) or CONSTANT


def formula(target: str, terms: Iterable[Term]) -> str:
    """`target = 24 + 1.29 x`: the terms in their order; of more than `MAX_SHOWN` the largest, and how many there are.

    Terms without a coefficient, or with the effect of rounding only, are left out.
    """
    kept = _without_rounding(tuple(terms))
    largest = sorted(range(len(kept)), key=lambda i: -_size(kept[i]))[:MAX_SHOWN]
    shown = [kept[i] for i in sorted(largest)]
    if not shown:
        return f"{target} = 0"
    text = "".join(_summand(term, is_first=i == 0) for i, term in enumerate(shown))
    n_more = len(kept) - len(shown)
    return f"{target} = {text}" + (f" and {n_more:,} more" if n_more else "")


def _without_rounding(terms: tuple[Term, ...]) -> list[Term]:
    top = max((term.effect for term in terms if term.effect is not None), default=0.0)
    known = [term for term in terms if term.coefficient]
    return [term for term in known if term.effect is None or term.effect > ROUNDING * top]


def _size(term: Term) -> float:
    """By what a long sum is shortened; the constant stays."""
    if term.name == CONSTANT:
        return math.inf
    return abs(term.coefficient) if term.effect is None else term.effect


def _summand(term: Term, *, is_first: bool) -> str:
    number = f"{abs(term.coefficient):.{DIGITS}g}"
    sign = "-" if term.coefficient < 0 else "+"
    sign = ("" if sign == "+" else "-") if is_first else f" {sign} "
    if term.name == CONSTANT:
        return sign + number
    return f"{sign}{term.name}" if number == "1" else f"{sign}{number} {term.name}"

"""Between which bounds a number must lie, by the operations that made it: interval arithmetic over what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firesteel.doctor.facts import Made
from firesteel.doctor.lineage import SAME_NUMBERS

#: So many operations back: beyond, a number may be anything.
MOST_DEEP = 80
#: A clamp that keeps probabilities off 0 and 1 by so little is not what bounds them.
EDGE = 0.01
_INFINITE = math.inf


@dataclass(frozen=True)
class Range:
    """From `low` to `high`; `cause` is the operation that sets the bounds."""

    low: float = -_INFINITE
    high: float = _INFINITE
    cause: Made | None = None

    @property
    def width(self) -> float:
        return self.high - self.low

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


ANYTHING = Range()

#: Operations that give something between the least and the largest of what they are given.
_KEEPING = frozenset({
    "mean", "amax", "amin", "max", "min", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "interpolate", "gather", "masked_select", "take",
    "median",
})  # fmt: skip
_SIDES = frozenset({"add", "sub", "rsub", "mul", "div", "rdiv"})
_JOINS = frozenset({"cat", "stack", "hstack", "vstack", "where", "maximum", "minimum"})


def range_of(made: Made) -> Range:
    """The range of a result, whatever the weights are."""
    return _Asking()(made)


class _Asking:
    """Each result is asked once."""

    def __init__(self) -> None:
        self._known: dict[int, Range] = {}
        self._depth = 0

    def __call__(self, made: Any) -> Range:
        if not isinstance(made, Made):
            return Range(float(made), float(made)) if isinstance(made, int | float) else ANYTHING
        if id(made) not in self._known:
            self._depth += 1
            self._known[id(made)] = _range(made, self) if self._depth < MOST_DEEP else ANYTHING
            self._depth -= 1
        return self._known[id(made)]


def _range(made: Made, ask: _Asking) -> Range:
    if not made.requires_grad:
        return _of_data(made)
    if made.op == "part":
        return _of_part(made, ask)
    if made.op in ("max", "min") and len(made.parents) > 1:
        return ANYTHING
    if made.op in SAME_NUMBERS or made.op in _KEEPING:
        return ask(made.parents[0]) if made.parents else ANYTHING
    if made.op in _SIDES:
        return _of_two(made, ask)
    if made.op in _JOINS:
        return _of_join(made, ask)
    if made.op in ("clamp", "clamp_min", "clamp_max", "hardtanh"):
        return _clamped(made, ask(made.argument(0, "input")))
    return _of_function(made, ask)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else _INFINITE


def _softplus(x: float) -> float:
    return x if x > 30 else math.log1p(_exp(x))


#: Rising functions, each with the bounds that it has itself.
_RISING: dict[str, tuple[Callable[[float], float], float, float]] = {
    "sigmoid": (_sigmoid, 0.0, 1.0),
    "tanh": (math.tanh, -1.0, 1.0),
    "relu": (lambda x: max(x, 0.0), 0.0, _INFINITE),
    "relu6": (lambda x: min(max(x, 0.0), 6.0), 0.0, 6.0),
    "hardsigmoid": (lambda x: min(max(x / 6 + 0.5, 0.0), 1.0), 0.0, 1.0),
    "softplus": (_softplus, 0.0, _INFINITE),
    "exp": (_exp, 0.0, _INFINITE),
    "softsign": (lambda x: x / (1 + abs(x)) if math.isfinite(x) else math.copysign(1.0, x), -1.0, 1.0),
}
#: Other functions with bounds of their own.
_BOUNDED = {
    "softmax": (0.0, 1.0), "gumbel_softmax": (0.0, 1.0), "softmin": (0.0, 1.0), "log_softmax": (-_INFINITE, 0.0),
    "logsigmoid": (-_INFINITE, 0.0), "abs": (0.0, _INFINITE), "square": (0.0, _INFINITE), "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0), "cosine_similarity": (-1.0, 1.0), "erf": (-1.0, 1.0), "sqrt": (0.0, _INFINITE),
    "norm": (0.0, _INFINITE), "elu": (-1.0, _INFINITE),
}  # fmt: skip

_FUNCTIONS = {*_RISING, *_BOUNDED, "pow", "sum", "dropout", "neg", "reciprocal"}


def _of_function(made: Made, ask: _Asking) -> Range:
    if made.op not in _FUNCTIONS:
        return ANYTHING
    given = ask(made.argument(0, "input"))
    if made.op in _RISING:
        rises, low, high = _RISING[made.op]
        narrowed = Range(rises(given.low), rises(given.high), given.cause)
        is_narrower = given.cause is not None and (narrowed.low > low or narrowed.high < high)
        return narrowed if is_narrower else Range(low, high, made)
    if made.op == "elu" and made.argument(1, "alpha", 1.0) != 1.0:
        return ANYTHING
    if made.op in _BOUNDED:
        return Range(*_BOUNDED[made.op], made)
    if made.op == "pow" and made.argument(1, "exponent") in (2, 4):
        return Range(0.0, _INFINITE, made)
    if made.op in ("sum", "dropout"):  # of numbers none of which is below 0
        return Range(0.0, _INFINITE, given.cause) if given.low >= 0 else ANYTHING
    if made.op == "neg":
        return Range(-given.high, -given.low, given.cause)
    return _divided(Range(1.0, 1.0), given) if made.op == "reciprocal" else ANYTHING


def _clamped(made: Made, given: Range) -> Range:
    low, high = _ends_of(made)
    if low is None or high is None:
        return ANYTHING
    if given.low >= low and given.high <= high:
        return given
    is_edge = given.cause is not None and low <= given.low + EDGE and high >= given.high - EDGE
    return Range(max(low, given.low), min(high, given.high), given.cause if is_edge else made)


def _ends_of(made: Made) -> tuple[float | None, float | None]:
    """Where a clamp has its ends; None for what is no number."""
    low: Any = None
    high: Any = None
    if made.op == "clamp_min":
        low = made.argument(1, "min")
    elif made.op == "clamp_max":
        high = made.argument(1, "max")
    elif made.op == "clamp":
        low, high = made.argument(1, "min"), made.argument(2, "max")
    else:
        low, high = made.argument(1, "min_val", -1.0), made.argument(2, "max_val", 1.0)
    ends = (-_INFINITE if low is None else low, _INFINITE if high is None else high)
    first, second = (float(one) if isinstance(one, int | float) else None for one in ends)
    return first, second


def _of_data(made: Made) -> Range:
    value = made.value
    if value is None or not value.numel() or value.is_complex():
        return ANYTHING
    low, high = float(value.min()), float(value.max())
    return Range(low, high) if math.isfinite(low) and math.isfinite(high) else ANYTHING


def _of_part(made: Made, ask: _Asking) -> Range:
    whole, indices = made, []
    while whole.op == "part" and whole.parents:
        indices.append(whole.part)
        whole = whole.parents[0]
    if whole.op in ("gru", "rnn_tanh") or (whole.op == "lstm" and indices[-1] != 2):
        # What a cell shows is a tanh between gates; what an LSTM keeps to itself is not bounded.
        return ANYTHING if _is_projected(whole) else Range(-1.0, 1.0, whole)
    return ask(whole) if whole.op != "part" and whole.op in SAME_NUMBERS | _KEEPING else ANYTHING


def _is_projected(made: Made) -> bool:
    """An LSTM whose output is a product with weights: its two states differ in size."""
    states = made.argument(1, "hx")
    if isinstance(states, tuple) and len(states) == 2 and all(isinstance(one, Made) for one in states):
        return bool(states[0].shape[-1] != states[1].shape[-1])
    return False


def _of_two(made: Made, ask: _Asking) -> Range:
    if len(made.args) < 2 or made.kwargs.get("alpha", 1) != 1 or made.kwargs.get("rounding_mode") is not None:
        return ANYTHING
    left, right = (ask(one) for one in made.args[:2])
    if made.op in ("rsub", "rdiv"):
        left, right = right, left
    if made.op == "add":
        return _with_cause(left.low + right.low, left.high + right.high, left, right)
    if made.op in ("sub", "rsub"):
        return _with_cause(left.low - right.high, left.high - right.low, left, right)
    return _multiplied(left, right) if made.op == "mul" else _divided(left, right)


def _of_join(made: Made, ask: _Asking) -> Range:
    operands = [*made.args, *made.kwargs.values()]
    if made.op not in ("where", "maximum", "minimum"):
        operands = made.parents
    given = [ask(one) for one in (operands[1:] if made.op == "where" else operands)]
    if not given:
        return ANYTHING
    lows, highs = [one.low for one in given], [one.high for one in given]
    cause = next((one.cause for one in given if one.cause is not None), None)
    if made.op == "maximum":
        return Range(max(lows), max(highs), cause or made)
    if made.op == "minimum":
        return Range(min(lows), min(highs), cause or made)
    return Range(min(lows), max(highs), cause)


def _with_cause(low: float, high: float, left: Range, right: Range) -> Range:
    if math.isnan(low) or math.isnan(high):
        return ANYTHING
    return Range(low, high, left.cause or right.cause)


def _multiplied(left: Range, right: Range) -> Range:
    ends = [0.0 if a == 0 or b == 0 else a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return _with_cause(min(ends), max(ends), left, right)


def _divided(left: Range, right: Range) -> Range:
    if right.low < 0 < right.high or (right.low <= 0 <= right.high and right.low == right.high) or right.high <= 0:
        return ANYTHING
    least = 1 / right.high if right.high < _INFINITE else 0.0
    most = 1 / right.low if right.low > 0 else _INFINITE
    return _multiplied(left, Range(least, most, right.cause))

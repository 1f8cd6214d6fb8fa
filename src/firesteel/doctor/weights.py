"""How large weights begin, against what keeps numbers of about their size through a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firesteel.doctor.captures import CONVOLUTIONS
from firesteel.doctor.facts import Made, Param
from firesteel.doctor.lineage import origin
from firesteel.doctor.reexecuting import Expression

#: Weights are off scale if they are so many times larger or smaller than 1 / sqrt(inputs of a unit).
LARGE, SMALL = 3.0, 0.05
LEAST_NUMBERS = 8
_STATES = {"lstm", "gru", "rnn_tanh", "rnn_relu"}


@dataclass(frozen=True, eq=False)
class OffScale:
    """The weights of a layer that begin so many times too large (or small)."""

    param: Param
    made: Made  # the first operation that applies them
    times: float


def weights_off_scale(expression: Expression) -> list[OffScale]:
    """The weights of products and convolutions that begin far too large or small, in the order of the graph."""
    found: dict[int, OffScale] = {}
    for made in expression.dependent:
        for operand, n_inputs in _weights_of(made):
            param = origin(operand).param
            if param is None or param.initial is None or id(param) in found or param.initial.numel() < LEAST_NUMBERS:
                continue
            times = float(param.initial.float().square().mean().sqrt()) * math.sqrt(n_inputs)
            if times >= LARGE or 0 < times <= SMALL:
                found[id(param)] = OffScale(param, made, times)
    return list(found.values())


def _weights_of(made: Made) -> list[tuple[Made, int]]:
    """What an operation applies, and of how many inputs each of its units is the sum."""
    parents = [one for one in made.parents if len(one.shape) >= 2]
    if made.op == "linear" or made.op in _STATES:
        return [(one, one.shape[1]) for one in parents if origin(one).op == "parameter"]
    if made.op in CONVOLUTIONS:
        at = 0 if "transpose" in made.op else 1
        return [(one, one.shape[at] * math.prod(one.shape[2:])) for one in parents if origin(one).op == "parameter"]
    if made.op in ("matmul", "mm", "bmm", "addmm"):
        operands = parents[-2:]
        if len(operands) == 2 and origin(operands[1]).op == "parameter":
            return [(operands[1], operands[1].shape[-2])]
        return [(one, one.shape[-1]) for one in operands[:1] if origin(one).op == "parameter"]
    return []

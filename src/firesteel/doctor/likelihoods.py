"""Is it a logarithm, is it a probability, does it go into a loss: questions about what losses of classes are given."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from firesteel.doctor.dimensions import marks, shares_along, softmaxes_of
from firesteel.doctor.facts import Facts, Loss, Made
from firesteel.doctor.lineage import SAME_NUMBERS, is_answer, origin

#: Sums of probabilities are 1 but for so much.
TOLERANCE = 0.01
MOST_FOLLOWED = 60

_LOGARITHMS = frozenset({
    "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logit", "logsigmoid",
    "logsumexp", "xlogy",
})  # fmt: skip
#: A logarithm that was weighed, masked, mixed or scaled is none any more, yet is meant as one.
_STILL_MEANT = SAME_NUMBERS | frozenset({
    "add", "avg_pool2d", "cat", "clamp", "clamp_max", "clamp_min", "cumsum", "div", "dropout", "gather",
    "interpolate", "logical_not", "lerp", "masked_fill", "max", "maximum", "mean", "min", "minimum", "mul",
    "nan_to_num", "neg", "pow", "rsub", "scatter", "scatter_add", "setitem", "stack", "sub", "sum", "where",
})  # fmt: skip


def is_logarithm(made: Made) -> bool:
    """A logarithm was taken on the way to these numbers, before any layer; also where the way cannot be seen."""
    queue, seen = [made], {id(made)}
    while queue and len(seen) < MOST_FOLLOWED:
        one = queue.pop()
        if one.op in _LOGARITHMS or one.op.startswith("custom_") or (one.op == "unknown" and one.requires_grad):
            return True
        if one.op in _STILL_MEANT:
            fresh = [parent for parent in one.parents if id(parent) not in seen]
            seen.update(id(parent) for parent in fresh)
            queue.extend(fresh)
    return bool(queue)


def is_swapped(loss: Loss) -> bool:
    """The second argument was computed from weights and the first was not, so that it must be the target."""
    if loss.target is None or not loss.target.requires_grad or loss.input.requires_grad or is_answer(loss.input):
        return False
    value = loss.input.value
    is_fixed = loss.name == "kl_div" and value is not None and bool((value <= 0).all())  # the logarithm of a prior
    return not is_fixed


def sums_to_one(value: torch.Tensor, dim: int) -> bool:
    """None is below 0, and all add up to 1 along a dimension of several."""
    if not value.is_floating_point() or value.dim() <= dim or value.shape[dim] < 2 or not bool((value >= 0).all()):
        return False
    return bool(((value.double().sum(dim) - 1).abs() < TOLERANCE).all())


def softmax_along(made: Made, dim: int) -> Made | None:
    """The softmax (no log-softmax) whose numbers these are, sharing 1 along this dimension."""
    if len(made.shape) <= dim or made.shape[dim] < 2:
        return None
    for softmax, way in softmaxes_of(made, is_sum_followed=False):
        if softmax.op == "softmax" and not any(one.op in _LOGARITHMS for one in way):
            found = marks(softmax, way)
            if found is not None and shares_along(found, dim):
                return softmax
    return None


def feeds_loss(made: Made, facts: Facts, made_of: Mapping[int, list[Made]]) -> bool:
    """A trained loss was given these numbers, or their logarithm was taken."""
    if any(origin(one.input) is made for one in facts.losses if one.is_trained):
        return True
    queue = [made]
    for _ in range(MOST_FOLLOWED):
        if not queue:
            return False
        for child in made_of.get(id(queue.pop()), ()):
            if child.op in _LOGARITHMS:
                return True
            if child.op in SAME_NUMBERS | {"clamp", "add", "rsub"}:
                queue.append(child)
    return False

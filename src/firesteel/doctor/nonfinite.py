"""Where numbers first became NaN or infinite: going forward, or in the gradient coming back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.lineage import in_order
from firesteel.doctor.reexecuting import Expression
from firesteel.doctor.replaying import Replays, apart

#: Steps of a replay in which a bad gradient is waited for.
MOST_STEPS = 100
#: Infinities that are put in on purpose (masks).
_MASKING = frozenset(
    {
        "fill", "full", "full_like", "generate_square_subsequent_mask", "index_fill", "masked_fill", "masked_scatter",
        "new_full", "scatter", "setitem", "tensor", "tril", "triu", "where", "zeros",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """The operation that made them, and what it was given."""

    made: Made
    given: str  # "0 of 64 numbers are 0", in words
    is_gradient: bool
    is_replayed: bool = False


def is_bad_at_end(facts: Facts) -> bool:
    """The last losses are no numbers."""
    losses = [float(one.loss) for one in facts.backwards[-3:] if one.loss is not None]
    return bool(losses) and not any(math.isfinite(one) for one in losses)


def has_bad_data(facts: Facts) -> bool:
    """Data that no parameter touched held NaN."""
    for backward in facts.backwards:
        if backward.made is not None and (backward.loss is None or not bool(torch.isfinite(backward.loss))):
            for made in in_order(backward.made):
                if not made.requires_grad and made.value is not None and _has_nan(made.value):
                    return True
            return False
    return False


def forward_origin(facts: Facts) -> Origin | None:
    """The first operation of the first bad loss that was looked at which made bad numbers of good ones."""
    for backward in facts.backwards:
        if backward.made is None or backward.loss is None or bool(torch.isfinite(backward.loss)):
            continue
        order = in_order(backward.made)
        first = next((one for one in order if _is_nan(one) and not any(_is_nan(two) for two in one.parents)), None)
        if first is None:
            first = next((one for one in order if _is_infinite(one) and one.op not in _MASKING), None)
        is_first = backward.step == 0 and backward is facts.backwards[0]
        if first is None:
            return None
        infinite = next((one for one in in_order(first) if _is_infinite(one) and one.op not in _MASKING), first)
        if any(_may_be_bad(parent, is_first=is_first) for parent in infinite.parents):
            return None  # the weights themselves were bad
        return Origin(infinite, _in_words(infinite), is_gradient=False)
    return None


def backward_origin(replays: Replays) -> Origin | None:
    """The operation whose gradient is bad although the one that came to it was good, on copies, step by step."""
    with apart():
        for expression, leaves in replays.stepwise(MOST_STEPS):
            found = _bad_gradient(expression, leaves)
            if found is not None:
                return found
    return None


def _bad_gradient(expression: Expression, leaves: dict[int, torch.Tensor]) -> Origin | None:
    known = expression.compute_all(leaves)
    loss = known[id(expression.loss)]
    if not loss.requires_grad or not bool(torch.isfinite(loss).all()):
        return _bad_value(expression, known)
    made = [one for one in expression.dependent if _has_gradient(known[id(one)])]
    tensors = [known[id(one)] for one in made]
    params = list(leaves.values())
    gradients: tuple[torch.Tensor | None, ...] = torch.autograd.grad(loss, [*tensors, *params], allow_unused=True)
    if all(one is None or bool(torch.isfinite(one).all()) for one in gradients):
        return None
    good = {id(one): _is_good(gradient) for one, gradient in zip(made, gradients, strict=False)}
    by_param: dict[int, torch.Tensor | None] = dict(zip(leaves, gradients[len(tensors) :], strict=True))
    for one in reversed(made):
        if good[id(one)] and not all(_comes_good(parent, good, by_param) for parent in one.parents):
            return Origin(one, _in_words(one, known), is_gradient=True, is_replayed=True)
    return None


def _comes_good(parent: Made, good: dict[int, bool], by_param: dict[int, torch.Tensor | None]) -> bool:
    if parent.param is not None and id(parent.param) in by_param:
        return _is_good(by_param[id(parent.param)])
    return good.get(id(parent), True)


def _bad_value(expression: Expression, known: dict[int, Any]) -> Origin | None:
    for one in expression.dependent:
        value = known[id(one)]
        if isinstance(value, torch.Tensor) and _has_bad(value) and one.op not in _MASKING:
            given = [known.get(id(parent)) for parent in one.parents]
            if not any(isinstance(two, torch.Tensor) and _has_bad(two) for two in given):
                return Origin(one, _in_words(one, known), is_gradient=False, is_replayed=True)
            return None
    return None


# ---- small questions


def _is_good(gradient: torch.Tensor | None) -> bool:
    return gradient is None or bool(torch.isfinite(gradient).all())


def _has_gradient(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad and value.is_floating_point()


def _has_bad(value: torch.Tensor) -> bool:
    return value.is_floating_point() and not bool(torch.isfinite(value).all())


def _has_nan(value: torch.Tensor) -> bool:
    return value.is_floating_point() and bool(torch.isnan(value).any())


def _is_nan(made: Made) -> bool:
    return made.value is not None and _has_nan(made.value)


def _is_infinite(made: Made) -> bool:
    return made.value is not None and made.value.is_floating_point() and bool(torch.isinf(made.value).any())


def _may_be_bad(made: Made, *, is_first: bool) -> bool:
    """Known to be bad, or a parameter of whose values at that step nothing is known (at the first step it was good)."""
    if made.value is not None:
        return _has_bad(made.value) and made.op not in _MASKING
    return made.op == "parameter" and not is_first


def _in_words(made: Made, known: dict[int, Any] | None = None) -> str:
    """What is special about the numbers that went in."""
    values = [known.get(id(one)) if known is not None else one.value for one in made.parents]
    words = []
    for value in values:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.numel() == 0:
            continue
        n_zeros, n_below = int((value == 0).sum()), int((value < 0).sum())
        words.append(f"{n_zeros} of {value.numel()} numbers that went in are 0")
        if n_below:
            words[-1] += f", {n_below} are negative"
        if float(value.abs().max()) > 80:
            words[-1] += f", the largest is {float(value.abs().max()):.3g}"
        break
    return words[0] if words else "what went in was finite"

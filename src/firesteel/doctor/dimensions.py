"""Where the numbers of a softmax went: views, transposes and slices are done again on marks instead of numbers.

Each number of a softmax belongs to one group of numbers that share 1 among them. The marks of the groups take the way
that the softmax's own numbers took, and at its end the question is answered: do those along this dimension share 1?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from firesteel.doctor.facts import Made
from firesteel.doctor.lineage import quotient_dim, softmax_dim

SOFTMAXES = ("softmax", "log_softmax")
#: So many results are followed back, and so many numbers marked, at most.
MOST_FOLLOWED = 40
MOST_MARKS = 4_000_000

#: Each number stays in its place.
_IN_PLACE = frozenset({
    "bfloat16", "clamp", "clamp_max", "clamp_min", "clone", "contiguous", "cpu", "cuda", "detach", "div", "double",
    "dropout", "exp", "float", "get_data", "half", "log", "log10", "log2", "masked_fill", "mul", "nan_to_num", "neg",
    "pow", "requires_grad_", "to", "type", "type_as", "where",
})  # fmt: skip
_SUMS = frozenset({"add", "sub", "rsub"})
#: The same numbers in the same order, in another shape.
_RESHAPED = frozenset({
    "atleast_2d", "atleast_3d", "flatten", "ravel", "reshape", "reshape_as", "squeeze", "unflatten", "unsqueeze",
    "view", "view_as",
})  # fmt: skip
_REPEATED = frozenset({"broadcast_to", "expand", "expand_as"})
_MOVED = frozenset({
    "flip", "get_H", "get_T", "get_mT", "getitem", "index_select", "movedim", "narrow", "permute", "repeat", "roll",
    "select", "transpose",
})  # fmt: skip
_SPLIT = frozenset({"chunk", "split", "tensor_split", "unbind"})


def softmaxes_of(made: Made, *, is_sum_followed: bool = True) -> Iterator[tuple[Made, list[Made]]]:
    """The softmaxes whose numbers these are, each with its way: from what was made of it first up to this one."""
    queue: list[tuple[Made, list[Made]]] = [(made, [])]
    seen: set[int] = set()
    while queue and len(seen) < MOST_FOLLOWED:
        one, way = queue.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one.op in SOFTMAXES or quotient_dim(one) is not None:
            yield one, way
        elif one.op == "part" and one.parents and one.parents[0].op in _SPLIT and one.parents[0].parents:
            queue.append((one.parents[0].parents[0], [one, *way]))
        else:
            queue.extend((parent, [one, *way]) for parent in _followed(one, is_sum_followed=is_sum_followed))


def _followed(made: Made, *, is_sum_followed: bool) -> list[Made]:
    if made.op in _RESHAPED | _REPEATED | _MOVED:
        return made.parents[:1]
    if made.op not in _IN_PLACE and not (made.op in _SUMS and is_sum_followed):
        return []
    learning = [one for one in made.parents if one.requires_grad] or made.parents[:1]
    return learning if len(learning) == 1 or made.op in _SUMS else []


def marks(softmax: Made, way: list[Made]) -> torch.Tensor | None:
    """At the end of the way, in the shape of what came out: the number of the group to which each number belongs.

    None where that cannot be told.
    """
    dim, shape = softmax_dim(softmax), softmax.shape
    n = 1
    for one in shape:
        n *= one
    if dim is None or not 0 < n <= MOST_MARKS:
        return None
    others = [1 if i == dim else size for i, size in enumerate(shape)]
    found = torch.arange(n // shape[dim]).reshape(others).expand(shape)
    last = softmax
    for made in way:
        try:
            found = _moved(found, last, made)
        except (RuntimeError, IndexError, TypeError, ValueError):  # what the operation was given was not kept
            return None
        if tuple(found.shape) != made.shape or found.numel() > MOST_MARKS:
            return None
        last = made
    return found


def _moved(found: torch.Tensor, last: Made, made: Made) -> torch.Tensor:
    if made.op in _RESHAPED:
        return found.reshape(made.shape)
    if made.op in _IN_PLACE | _SUMS | _REPEATED:
        return found.broadcast_to(made.shape)
    whole = made.parents[0] if made.op == "part" else made
    function: Callable[..., Any] | None = whole.func
    if function is None:
        raise TypeError(made.op)
    args = tuple(_given(one, found, last) for one in whole.args)
    result = function(*args, **{key: _given(one, found, last) for key, one in whole.kwargs.items()})
    moved = result[made.part] if made.op == "part" and made.part is not None else result
    if not isinstance(moved, torch.Tensor):
        raise TypeError(made.op)
    return moved


def _given(argument: Any, found: torch.Tensor, last: Made) -> Any:
    if argument is last:
        return found
    if isinstance(argument, Made):
        if argument.value is None:
            raise ValueError(argument.op)
        return argument.value
    return tuple(_given(one, found, last) for one in argument) if type(argument) in (tuple, list) else argument


def shares_along(marked: torch.Tensor, dim: int) -> bool:
    """The numbers along this dimension share 1 (all that are there, where some were left out)."""
    return bool((marked == marked.narrow(dim, 0, 1)).all())

"""Questions about how a tensor came about that several rules ask."""

from __future__ import annotations

from firesteel.doctor.facts import Made

#: Operations that hand on the same numbers in another form or place.
SAME_NUMBERS = frozenset(
    {
        "atleast_1d",
        "atleast_2d",
        "bfloat16",
        "chunk",
        "clone",
        "contiguous",
        "cpu",
        "cuda",
        "detach",
        "double",
        "expand",
        "flatten",
        "flip",
        "float",
        "get_T",
        "get_data",
        "get_mT",
        "getitem",
        "half",
        "index_select",
        "movedim",
        "narrow",
        "part",
        "permute",
        "ravel",
        "reshape",
        "reshape_as",
        "roll",
        "select",
        "split",
        "squeeze",
        "to",
        "transpose",
        "type",
        "type_as",
        "unbind",
        "unflatten",
        "unsqueeze",
        "view",
        "view_as",
    }
)


def origin(made: Made) -> Made:
    """The operation that made the numbers: back through views, slices and casts."""
    while made.op in SAME_NUMBERS and made.parents:
        made = made.parents[0]
    return made

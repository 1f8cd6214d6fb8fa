"""Questions about how a tensor came about that several rules ask."""

from __future__ import annotations

from firesteel.doctor.facts import Made

#: Operations that hand on the same numbers in another form or place.
SAME_NUMBERS = frozenset(
    {
        "view", "reshape", "view_as", "reshape_as", "squeeze", "unsqueeze", "flatten", "unflatten", "transpose",
        "permute",         "get_T", "get_mT", "movedim", "contiguous", "clone", "expand", "part", "chunk", "split", "unbind", "getitem",
        "index_select", "narrow", "select", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu",
        "cuda",         "custom_Identity", "ravel", "t", "atleast_1d", "atleast_2d", "roll", "flip", "detach", "get_data",
    }
)  # fmt: skip


def origin(made: Made) -> Made:
    """The operation that made the numbers: back through views, slices and casts."""
    while made.op in SAME_NUMBERS and made.parents:
        made = made.parents[0]
    return made

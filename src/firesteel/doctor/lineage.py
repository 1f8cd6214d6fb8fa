"""Questions about how a tensor came about that several rules ask."""

from __future__ import annotations

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.sites import Site

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


def in_order(made: Made, *, most: int = 50_000) -> list[Made]:
    """One and all it was made from, what went in first; nothing if that is more than so many."""
    done: dict[int, Made] = {}
    stack: list[tuple[Made, bool]] = [(made, False)]
    while stack:
        one, is_open = stack.pop()
        if id(one) in done:
            continue
        if is_open or one.op == "parameter":
            done[id(one)] = one
            if len(done) > most:
                return []
            continue
        stack.append((one, True))
        stack.extend((parent, False) for parent in reversed(one.parents) if id(parent) not in done)
    return list(done.values())


def is_answer(made: Made) -> bool:
    """It was computed from weights."""
    return any(one.op == "parameter" for one in made.walk())


def softmax_dim(made: Made) -> int | None:
    """The dimension of a softmax; where none was given, the one that PyTorch takes."""
    dim = made.argument(1, "dim")
    if isinstance(dim, int) and not isinstance(dim, bool):
        return dim
    if not made.shape:
        return None
    return 0 if len(made.shape) in (0, 1, 3) else 1


def regressions(facts: Facts) -> list[tuple[Site, Made, Made]]:
    """Errors of amounts that were trained on, by PyTorch's losses or by hand: the place, the answer, the target."""
    names = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
    found = [(one.site, one.input, one.target) for one in facts.trained_losses(*names) if one.target is not None]
    seen: set[int] = set()
    for backward in facts.backwards:
        for made in in_order(backward.made) if backward.made is not None else ():
            if made.op not in ("sub", "rsub") or id(made) in seen or len(made.parents) != 2:
                continue
            seen.add(id(made))
            left, right = made.parents
            if left.shape != right.shape or not left.shape or is_answer(left) == is_answer(right):
                continue
            found.append((made.site, left, right) if is_answer(left) else (made.site, right, left))
    return found


def children_of(facts: Facts) -> dict[int, list[Made]]:
    """What each was used for, by its id: the operations that it went into."""
    found: dict[int, list[Made]] = {}
    for made in facts.ops:
        for parent in made.parents:
            found.setdefault(id(parent), []).append(made)
    return found

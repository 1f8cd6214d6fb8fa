"""Questions about how a tensor came about that several rules ask."""

from __future__ import annotations

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.sites import Site

#: Operations that hand on the same numbers in another form or place.
SAME_NUMBERS = frozenset({
    "atleast_1d", "atleast_2d", "atleast_3d", "bfloat16", "broadcast_to", "broadcast_tensors", "chunk", "clone",
    "contiguous", "cpu", "cuda", "detach", "double", "expand", "expand_as", "flatten", "flip", "float", "get_H",
    "get_T", "get_data", "get_mT", "getitem", "half", "index_select", "movedim", "narrow", "part", "permute", "ravel",
    "repeat", "reshape", "reshape_as", "roll", "select", "split", "squeeze", "swapaxes", "tensor_split", "to",
    "transpose", "type", "type_as", "unbind", "unflatten", "unsqueeze", "view", "view_as",
})  # fmt: skip


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


def learned(facts: Facts) -> frozenset[int]:
    """The ids of all through which the gradient of a backward that was looked at flowed."""
    seen: set[int] = set()
    queue = [one.made for one in facts.backwards if one.made is not None]
    while queue:
        one = queue.pop()
        if id(one) not in seen and one.requires_grad:
            seen.add(id(one))
            queue.extend(one.parents)
    return frozenset(seen)


def softmax_dim(made: Made) -> int | None:
    """The dimension of a softmax, from 0; where none was given, the one that PyTorch takes."""
    n_dims = len(made.shape)
    if not n_dims:
        return None
    if made.op == "div":
        return quotient_dim(made)
    dim = made.argument(1, "dim")
    if isinstance(dim, int) and not isinstance(dim, bool):
        return dim % n_dims
    return 0 if n_dims in (1, 3) else 1


def quotient_dim(made: Made) -> int | None:
    """The dimension of a softmax that was written by hand, e / e.sum(dim, keepdim=True) of an exponential."""
    if made.op != "div" or len(made.parents) != 2:
        return None
    above, below = made.parents[0], origin(made.parents[1])
    if below.op != "sum" or not below.parents or below.parents[0] is not above or origin(above).op != "exp":
        return None
    dim = below.argument(1, "dim", below.kwargs.get("axis"))
    dim = dim[0] if isinstance(dim, tuple) and len(dim) == 1 else dim
    return dim % len(above.shape) if isinstance(dim, int) and not isinstance(dim, bool) and above.shape else None


def class_dim(made: Made) -> int:
    """The dimension over which PyTorch's losses of classes take what they are given."""
    return 1 if len(made.shape) > 1 else 0


def layer_site(made: Made) -> Site:
    """The line where the options of an operation stand: of one of PyTorch's layers that is where it was created."""
    module = made.module
    if module is not None and not module.has_users_forward and module.site is not None:
        return module.site
    return made.site


def regressions(facts: Facts) -> list[tuple[Site, Made, Made]]:
    """Errors of amounts that were trained on, by PyTorch's losses or by hand: the place, the answer, the target.

    Only those of an answer of the net against data: what another net said is no given target.
    """
    pairs = [
        (one.site, one.input, one.target)
        for one in facts.trained_losses("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
        if one.target is not None
    ]
    through, made_of = learned(facts), children_of(facts)
    for made in facts.ops:
        is_difference = made.op in ("sub", "rsub") and id(made) in through and len(made.parents) == 2
        if is_difference and any(_is_distance(made, child) for child in made_of.get(id(made), ())):
            pairs.append((made.site, made.parents[0], made.parents[1]))
    found = []
    moving: set[Site] = set()  # targets that the net has moved: centres, codebooks
    for site, left, right in pairs:
        if left.requires_grad != right.requires_grad:
            answer, target = (left, right) if left.requires_grad else (right, left)
            if is_answer(target):
                moving.add(site)
            found.append((site, answer, target))
    return [one for one in found if one[0] not in moving]


def _is_distance(difference: Made, child: Made) -> bool:
    """It makes a squared or absolute error of a difference."""
    if child.op == "mul":
        return len(child.parents) == 2 and child.parents[0] is child.parents[1] is difference
    return child.op in ("square", "abs", "norm") or (child.op == "pow" and child.argument(1, "exponent") in (2, 2.0))


def children_of(facts: Facts) -> dict[int, list[Made]]:
    """What each was used for, by its id: the operations that it went into."""
    found: dict[int, list[Made]] = {}
    for made in facts.ops:
        for parent in made.parents:
            found.setdefault(id(parent), []).append(made)
    return found

"""L06: softmax over the wrong dimension."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from firesteel.doctor.contractions import Contraction, contractions
from firesteel.doctor.dimensions import SOFTMAXES, marks, shares_along, softmaxes_of
from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, class_dim, layer_site, learned, origin, quotient_dim, softmax_dim
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

_OF_CLASSES = ("nll_loss", "cross_entropy")
#: Where a softmax meets targets of its own shape: losses, and the products and differences of losses by hand.
_WITH_SHARES = frozenset({
    "cross_entropy", "kl_div", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "mul",
    "sub", "rsub",
})  # fmt: skip
_CHOSEN = frozenset({"topk", "argmax", "max", "sort", "argsort"})
#: A row of shares of classes adds up to 1 but for so much.
TOLERANCE = 1e-3

#: Looks at one line, and results that are walked back.
FEW, MOST_WALKED = 4, 4_000

_Said = tuple[Made, str]  # the softmax, and the evidence


@dataclass(frozen=True, eq=False)
class _Sum:
    """A sum weighted by a softmax: right, if what is summed shares 1."""

    contraction: Contraction
    softmax: Made
    is_right: bool


class SoftmaxOverWrongDimension(Rule):
    id: ClassVar[str] = "L06"
    title: ClassVar[str] = "softmax over the wrong dimension"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A softmax over the rows of a batch makes rows compete with each other, and the probabilities of one row "
        "add up to nothing in particular. In attention the weights must add up to 1 over what is attended to."
    )
    detected: ClassVar[str] = (
        "Each softmax on the way to a trained loss is followed through views, transposes and slices to where its "
        "numbers are used: by a loss of classes, next to targets whose rows add up to 1, where the number of the "
        "right class is picked, or in a sum weighted by them. What shares 1 there must be the classes, or what is "
        "summed over."
    )
    silent: ClassVar[str] = (
        "Softmax over classes or keys; over the members of a bag that are then summed; over the rows or columns of "
        "a square of similarities (contrastive losses); assignments to slots, clusters and capsules."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(net(x).log_softmax(0), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("log_softmax(0)", "log_softmax(1)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not any(one.op in SOFTMAXES or quotient_dim(one) is not None for one in facts.ops):
            raise NotApplicable("no softmax was seen")
        through = learned(facts)
        seen: dict[Site, _Said] = {}
        inputs = frozenset(id(one) for forward in facts.forwards for one in forward.inputs)
        summed = list(_sums(facts, through))
        for made, said in (
            *_before_losses(facts), *_beside_shares(facts, through), *_at_picks(facts, through),
            *_in_products(facts, summed, inputs), *_in_forwards(facts, through, summed), *_before_argmax(facts),
        ):  # fmt: skip
            seen.setdefault(layer_site(made), (made, said))
        for site, (made, said) in seen.items():
            yield self.finding(
                site,
                message=f"this {made.op if made.op in SOFTMAXES else 'softmax by hand'} goes over dimension "
                f"{softmax_dim(made)} of {made.shape}",
                evidence=said,
                why="what is divided up adds up to 1 over the wrong things",
                fix="     use the dimension of the classes, or of the keys: dim=-1",
            )


def _few(made: Iterable[Made]) -> Iterator[Made]:
    """The first ones of each line."""
    counts: Counter[Site] = Counter()
    for one in made:
        counts[one.site] += 1
        if counts[one.site] <= FEW:
            yield one


def _sums(facts: Facts, through: frozenset[int]) -> Iterator[_Sum]:
    counts: Counter[tuple[Site, Site]] = Counter()
    for one in contractions(facts, through):
        for softmax, way in softmaxes_of(one.weights):
            place = (one.made.site, layer_site(softmax))
            counts[place] += 1
            found = marks(softmax, way) if counts[place] <= FEW else None
            if found is not None and all(found.shape[dim] > 1 for dim in one.dims):
                yield _Sum(one, softmax, any(shares_along(found, dim) for dim in one.dims))


def _wrong(made: Made, dim: int, *, is_sum_followed: bool = True) -> Iterator[Made]:
    """The softmaxes whose numbers these are, and along this dimension numbers of them that do not share 1."""
    if dim >= len(made.shape) or made.shape[dim] < 2:
        return
    for softmax, way in softmaxes_of(made, is_sum_followed=is_sum_followed):
        found = marks(softmax, way)
        if found is not None and not shares_along(found, dim):
            yield softmax


def _before_losses(facts: Facts) -> Iterator[_Said]:
    losses = {id(one.made): one for one in facts.trained_losses(*_OF_CLASSES)}
    for loss in (losses[id(one)] for one in _few(one.made for one in losses.values())):
        dim = class_dim(loss.input)
        for made in _wrong(loss.input, dim, is_sum_followed=False):
            taken = f"the loss on line {loss.site.line} takes {loss.input.shape} with classes in dimension {dim}"
            yield made, f"{taken}, {_of(made)}"


def _of(made: Made) -> str:
    dim = softmax_dim(made) or 0
    return f"and along that the probabilities do not share 1: groups of {made.shape[dim]} along dimension {dim} do"


def _beside_shares(facts: Facts, through: frozenset[int]) -> Iterator[_Said]:
    """Targets of the same shape whose rows add up to 1 tell which dimension that of the classes is."""
    for made in _few(one for one in facts.ops if one.op in _WITH_SHARES and id(one) in through):
        if len(made.parents) < 2:
            continue
        left, right = made.parents[:2]
        if left.shape != right.shape or left.requires_grad == right.requires_grad or len(left.shape) < 2:
            continue
        answer, target = (left, right) if left.requires_grad else (right, left)
        dims = _dims_of_shares(target)
        if len(dims) == 1:
            for softmax in _wrong(answer, dims[0]):
                yield (
                    softmax,
                    f"the targets on line {made.site.line} add up to 1 along dimension {dims[0]}, {_of(softmax)}",
                )


def _dims_of_shares(made: Made) -> list[int]:
    value = made.value
    if value is None or value.numel() < 4 or not bool((value >= 0).all()):
        return []
    sums = [value.double().sum(dim) for dim in range(value.dim())]
    return [dim for dim, one in enumerate(sums) if value.shape[dim] > 1 and bool(((one - 1).abs() < TOLERANCE).all())]


def _at_picks(facts: Facts, through: frozenset[int]) -> Iterator[_Said]:
    """The number of the right class is picked by hand: `logp[rows, y]`, `logp.gather(1, y)`."""
    for made in _few(one for one in facts.ops if one.op in ("gather", "getitem") and id(one) in through):
        dim = _picked_dim(made) if isinstance(made.args[0], Made) else None
        if dim is not None:
            for softmax in _wrong(made.args[0], dim):
                yield softmax, f"line {made.site.line} picks one number along dimension {dim}, {_of(softmax)}"


def _picked_dim(made: Made) -> int | None:
    given = made.args[0]
    if made.op == "gather":
        dim, index = made.argument(1, "dim"), made.argument(2, "index")
        is_free = isinstance(index, Made) and _origin_of_part(index).op not in _CHOSEN
        return dim % len(given.shape) if isinstance(dim, int) and given.shape and is_free else None
    index = made.args[1] if len(made.args) > 1 else None
    if not isinstance(index, tuple) or len(index) != 2 or len(given.shape) != 2:
        return None
    are_rows = [_counts_up(one) for one in index]
    if are_rows == [True, False] and isinstance(index[1], Made) and len(index[1].shape) == 1:
        return 1
    return None


def _origin_of_part(made: Made) -> Made:
    one = origin(made)
    return one.parents[0] if one.op == "part" and one.parents else one


def _counts_up(index: object) -> bool:
    if isinstance(index, Made):
        value = index.value
        return value is not None and value.dim() == 1 and value.tolist() == list(range(len(value)))
    return index == "<range>"


def _in_products(facts: Facts, summed: list[_Sum], inputs: frozenset[int]) -> Iterator[_Said]:
    """Sums weighted by a softmax: attention over queries, heads or the batch instead of keys."""
    wrong = [one for one in summed if not one.is_right]
    are_free = {layer_site(one.softmax) for one in wrong if not _is_of_inputs(_sides_of_scores(one.softmax), inputs)}
    for one in wrong:
        softmax = one.softmax
        is_attention = _is_among_queries(softmax, is_square_asked=layer_site(softmax) in are_free)
        if is_attention or _is_over_batch(softmax, facts) is not None or _is_over_second(softmax, facts):
            yield softmax, _said_of_sum(one.contraction, softmax)


def _said_of_sum(one: Contraction, softmax: Made) -> str:
    dims = " and ".join(str(dim) for dim in one.dims)
    summed = f"line {one.made.site.line} sums with these weights over dimension {dims} of {one.weights.shape}"
    return f"{summed}, {_of(softmax)}"


def _sides_of_scores(softmax: Made) -> list[Made]:
    """Queries and keys whose product the softmax is of; none where it is of something else."""
    scores = softmax.parents[0] if softmax.parents else softmax
    while scores.op in SAME_NUMBERS | {"div", "mul", "add", "masked_fill", "where"} and scores.parents:
        scores = next((one for one in scores.parents if one.requires_grad), scores.parents[0])
    sides = [one for one in scores.parents if one.requires_grad]
    is_product = scores.op in ("matmul", "bmm", "mm", "einsum") and len(sides) == 2
    return sides if is_product and not any(origin(one).op == "parameter" for one in sides) else []


def _is_among_queries(softmax: Made, *, is_square_asked: bool) -> bool:
    """Over the queries, or over heads. Slots that are no answers to an input compete for it on purpose."""
    dim, shape = softmax_dim(softmax), softmax.shape
    if dim is None or len(shape) < 2 or not _sides_of_scores(softmax):
        return False
    return dim < len(shape) - 2 or shape[-1] == shape[-2] or not is_square_asked


def _is_of_inputs(sides: list[Made], inputs: frozenset[int]) -> bool:
    """Queries and keys both come from what the net is given."""
    reached = [any(id(one) in inputs for one in itertools.islice(side.walk(), MOST_WALKED)) for side in sides]
    return bool(reached) and all(reached)


def _is_over_batch(softmax: Made, facts: Facts) -> Forward | None:
    """In a net's forward, over dimension 0, which is that of the rows: no other dimension is as large."""
    shape, n = softmax.shape, softmax.shape[0] if softmax.shape else 0
    if softmax_dim(softmax) != 0 or n < 2 or n in shape[1:] or max([0, *shape[1:]]) < 2:
        return None
    for forward in facts.forwards:
        output = forward.output
        if output is None or not forward.at < softmax.at <= output.at or forward.n_rows != n:
            continue
        if output.shape[:1] == (n,):
            return forward
    return None


def _is_over_second(softmax: Made, facts: Facts) -> bool:
    """In a net's forward, over dimension 1 of (steps, rows): as large as that of its input, and as no weight."""
    shape = softmax.shape
    if softmax_dim(softmax) != 1 or shape[1] < 2 or shape.count(shape[1]) > 1:
        return False
    for forward in facts.forwards:
        output, given = forward.output, forward.input
        if output is None or given is None or not forward.at < softmax.at <= output.at:
            continue
        sizes = {size for param in forward.module.params for size in param.shape}
        return given.shape[:2] == shape[:2] and shape[1] in output.shape and shape[1] not in sizes
    return False


def _in_forwards(facts: Facts, through: frozenset[int], summed: list[_Sum]) -> Iterator[_Said]:
    """Gates and weights over the batch of a net that is given different rows at different times."""
    right = {layer_site(one.softmax) for one in summed if one.is_right}
    for softmax in _few(one for one in facts.ops if one.op in SOFTMAXES and id(one) in through):
        forward = _is_over_batch(softmax, facts) if layer_site(softmax) not in right else None
        if forward is not None and _comes_in_parts(facts, forward):
            yield softmax, f"its {softmax.shape[0]} numbers that share 1 are those of the rows of a batch"


def _comes_in_parts(facts: Facts, forward: Forward) -> bool:
    calls = [one for one in facts.forwards if one.module is forward.module and one.role == "training"]
    return len({one.rows.tobytes() for one in calls if one.rows is not None}) > 1


def _before_argmax(facts: Facts) -> Iterator[_Said]:
    """What a net gave for a batch, made probabilities over its rows, and then asked for the class of each row."""
    outputs = {id(origin(one)): forward.n_rows for forward in facts.forwards for one in forward.outputs}
    for made in _few(one for one in facts.ops if one.op in ("argmax", "max")):
        dim = made.argument(1, "dim")
        if not isinstance(dim, int) or not made.args or not isinstance(made.args[0], Made):
            continue
        given = made.args[0]
        for softmax in _wrong(given, dim % max(len(given.shape), 1)) if given.shape else ():
            n = outputs.get(id(origin(softmax.parents[0]))) if softmax.parents else None
            if softmax_dim(softmax) == 0 and n == softmax.shape[0] and n > 1:
                yield softmax, f"line {made.site.line} asks for the largest along dimension {dim}, {_of(softmax)}"

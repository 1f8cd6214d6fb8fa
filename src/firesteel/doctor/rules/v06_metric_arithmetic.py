"""V06: a metric that cannot come out right."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

import torch

from firesteel.doctor.counting import miscounts
from firesteel.doctor.crossing import crossed_arrays
from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import is_answer, origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_COMPARING = ("eq", "ne")
_WHOLE = ("long", "int", "short", "to", "type")
_DECIDING = frozenset(
    {*_COMPARING, *_WHOLE, "gt", "ge", "lt", "le", "argmax", "max", "maximum", "min", "minimum", "floor", "trunc"}
)
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
#: Of answers that are no classes, so many are whole numbers at most: a sigmoid may end at 1.0.
MOST_WHOLE = 0.3
HALF = 0.5
#: Of rounded answers, so many beyond all labels: they are logits, and no amounts.
SHARE_BEYOND = 0.3
#: Fewer rows that are compared prove nothing.
LEAST_COMPARED = 5
#: What each of these gives lies between two bounds; a threshold outside of them tells nothing apart.
_RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}
#: What is done with a comparison that only checks.
_CHECKING = ("all", "any")


class MetricArithmetic(Rule):
    id: ClassVar[str] = "V06"
    title: ClassVar[str] = "metric arithmetic"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A column (n, 1) compared with a row (n,) gives n times n answers, each prediction with each label: the "
        "mean of it is no accuracy. A threshold that no value can pass, an argmax over a single column or over "
        "the rows, and a count of rows divided by a number of batches are wrong in the same quiet way."
    )
    detected: ClassVar[str] = (
        "Comparisons of what came out of a net, with the shapes of both sides; argmax and thresholds with the "
        "range of what they are given; hits and how many rows they were counted over, with what they are divided by."
    )
    silent: ClassVar[str] = (
        "Labels compared with labels (the pairs of a contrastive loss), columns with columns, and means of means "
        "over batches."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 3)
y = (x.sum(1) > 0).float()
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
for epoch in range(10):
    optimizer.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(net(x[:40]).squeeze(1), y[:40]).backward()
    optimizer.step()
with torch.no_grad():
    guess = (net(x[40:]) > 0).float()
    print("accuracy", (guess == y[40:]).float().mean().item())
"""
    healthy: ClassVar[str] = sick.replace("guess == y[40:]", "guess.squeeze(1) == y[40:]")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        compared = [made for made in facts.ops if made.op in _DECIDING]
        places = {one.site for one in _once(compared) if any(is_answer(parent) for parent in one.parents)}
        compared = [one for one in compared if one.site in places]
        counted = [*miscounts(facts, case.sources), *crossed_arrays(facts, case.sources)]
        if not compared and not counted:
            raise NotApplicable("no answers of a net were compared with anything")
        yield from self._crossed(case, compared)
        yield from self._one_class(case, compared)
        for one in counted:
            yield self.finding(
                (one.source, one.node), message=one.message, evidence=one.evidence, why=one.why, fix=one.fix
            )

    def _crossed(self, case: Case, compared: list[Made]) -> Iterator[Finding]:
        for made in _once([one for one in compared if one.op in _COMPARING and len(one.parents) == 2]):
            left, right = made.parents
            shapes = {left.shape, right.shape}
            n = made.shape[0] if made.shape else 0
            if n < 2 or shapes != {(n, 1), (n,)} or made.shape != (n, n):
                continue
            if is_answer(left) == is_answer(right):
                continue
            column = left if left.shape == (n, 1) else right
            source = case.sources.of(made.site)
            yield self.finding(
                made.site,
                message="a column is compared with a row, so that each answer meets each label",
                evidence=f"{left.shape} and {right.shape} give {made.shape}: {n * n:,} comparisons for {n:,} rows",
                why="the mean of them is no accuracy",
                fix=f"     squeeze the column first: {'the left' if column is left else 'the right'} side with "
                f".squeeze(1)\n{source.line(made.site.line).strip()}",
            )

    def _one_class(self, case: Case, compared: list[Made]) -> Iterator[Finding]:
        facts = case.facts
        for made in _once(compared):
            given = made.parents[0] if made.parents else None
            if given is None or not any(is_answer(parent) for parent in made.parents):
                continue
            said = _argmax_of_one(made, given) or _argmax_over_rows(made, given, facts) or _argmax_of_all(made, facts)
            if said:
                yield self.finding(
                    made.site,
                    message="this argmax cannot tell the classes of the rows",
                    evidence=said,
                    why="what is compared with the labels is the same whatever the net says",
                    fix="     take the argmax over the classes: .argmax(1); with one output use a threshold",
                )
            elif said := _threshold(case, made, given) or _whole(made, given) or _beyond(made):
                yield self.finding(
                    made.site,
                    message="this threshold gives one class only",
                    evidence=said,
                    why="the score is the share of one class, whatever the net says",
                    fix="     use a threshold inside the range: 0.5 for a sigmoid, 0 for logits",
                )
            elif said := _never_equal(made) or _beyond_labels(made):
                yield self.finding(
                    made.site,
                    message="answers that are no classes are compared with classes",
                    evidence=said,
                    why="hardly any answer ever equals a label, so the score is 0 whatever the net says",
                    fix="     make classes of the answers first: .argmax(1), or a threshold for one output",
                )


def _once(found: list[Made]) -> list[Made]:
    """One of each place, the first."""
    return list({one.site: one for one in reversed(found)}.values())


def _argmax_of_one(made: Made, given: Made) -> str:
    if made.op not in ("argmax", "max") or len(given.shape) < 2:
        return ""
    dim = made.argument(1, "dim")
    if not isinstance(dim, int) or isinstance(dim, bool) or given.shape[dim] != 1 or given.shape[0] < 2:
        return ""
    return f"the argmax over dimension {dim} of {given.shape} has one candidate, so it is always 0"


def _argmax_over_rows(made: Made, given: Made, facts: Facts) -> str:
    """An argmax over the rows of a batch, whose answer is compared with one label a row."""
    if made.op not in ("argmax", "max") or len(given.shape) != 2:
        return ""
    dim = made.argument(1, "dim")
    n, n_classes = given.shape
    if dim not in (0, -2) or isinstance(dim, bool) or n < 2 or n_classes < 2:
        return ""
    compared = [
        one
        for one in facts.ops
        if one.op in _COMPARING and any(origin(parent) is made or parent is made for parent in one.parents)
    ]
    if any(_is_own_place(parent, n) for one in compared for parent in one.parents):  # all are looked for among all
        return ""
    return f"it goes over the {n} rows of {given.shape}, not over the {n_classes} classes" if compared else ""


def _is_own_place(made: Made, n: int) -> bool:
    """0, 1, 2 ...: of each row its own number."""
    return made.value is not None and made.value.shape == (n,) and bool((made.value == torch.arange(n)).all())


def _threshold(case: Case, made: Made, given: Made) -> str:
    if made.op not in ("gt", "ge", "lt", "le"):
        return ""
    limit = made.argument(1, "other")
    source = origin(given)
    if not isinstance(limit, int | float) or isinstance(limit, bool) or source.op not in _RANGES:
        return ""
    low, high = _RANGES[source.op]
    is_outside = limit >= high or limit <= low
    n = 1
    for size in made.shape:
        n *= size
    is_constant = made.value is None or not made.value.numel() or bool((made.value == made.value.flatten()[0]).all())
    if not is_outside or not is_constant or n < 2 or not _is_used_as_class(made, case.facts) or _is_swept(case, made):
        return ""
    return f"what a {source.op} gives lies between {low:g} and {high:g}; the threshold is {limit:g}"


def _is_used_as_class(made: Made, facts: Facts) -> bool:
    """It is more than a check that all lie within bounds."""
    uses = [one for one in facts.ops if any(parent is made for parent in one.parents)]
    return made.shape != () and not (uses and all(one.op in _CHECKING for one in uses))


def _is_swept(case: Case, made: Made) -> bool:
    """One of several thresholds that are tried on this line, as for a curve."""
    limits = {one.argument(1, "other") for one in case.facts.ops if one.site is made.site and one.op == made.op}
    if len({one for one in limits if isinstance(one, int | float)}) > 1:
        return True
    source = case.sources.of(made.site)
    node = source.node_at(made.site)
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node is not None else set()
    loops = [*source.loops_around(made.site.line), *(source.parents(node) if node is not None else ())]
    targets = [one.target for one in loops if isinstance(one, ast.For)]
    targets += [part.target for one in loops for part in getattr(one, "generators", ())]
    swept = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return _is_number_of(node, names & swept)


def _is_number_of(node: ast.AST | None, names: set[str]) -> bool:
    """The loop goes over what is compared with: a number, and no rows."""
    sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else getattr(node, "args", [])
    return any(isinstance(one, ast.Name) and one.id in names for one in sides[-1:])


def _whole(made: Made, given: Made) -> str:
    """Cut to whole numbers where all lie between 0 and 1."""
    is_cut = made.op in ("floor", "trunc") or (made.op in _WHOLE and made.dtype in _INTEGERS)
    source = origin(given)
    if not is_cut or _RANGES.get(source.op) != (0.0, 1.0) or made.value is None or made.value.numel() < 2:
        return ""
    n, n_zero = made.value.numel(), int((made.value == 0).sum())
    before = given.value if given.value is not None and given.value.shape == made.value.shape else None
    n_lost = int(((before >= HALF) & (made.value == 0)).sum()) if before is not None else 0
    if not n_lost and n_zero < n:
        return ""
    return (
        f"what a {source.op} gives lies between 0 and 1, and {made.op} cuts it to 0: {n_zero:,} of {n:,} are 0, "
        f"{n_lost:,} of them were at least {HALF:g}"
    )


def _beyond(made: Made) -> str:
    """A maximum with numbers that none can pass, or a minimum with some that all pass."""
    if made.op not in ("max", "maximum", "min", "minimum") or len(made.parents) != 2:
        return ""
    bound = next((one for one in made.parents if not is_answer(one)), None)
    source = next((origin(one) for one in made.parents if is_answer(one)), None)
    if bound is None or source is None or source.op not in _RANGES or bound.value is None or not bound.value.numel():
        return ""
    low, high = _RANGES[source.op]
    is_outside = bound.value.min() >= high if made.op in ("max", "maximum") else bound.value.max() <= low
    return (
        f"what a {source.op} gives lies between {low:g} and {high:g}; the other side of this {made.op} is beyond that"
        if bool(is_outside)
        else ""
    )


def _never_equal(made: Made) -> str:
    """`answers == labels` where no answer is a whole number and all labels are."""
    if made.op not in _COMPARING or len(made.parents) != 2 or made.value is None or made.value.numel() < LEAST_COMPARED:
        return ""
    answers = [one for one in made.parents if is_answer(one)]
    labels = [one for one in made.parents if not is_answer(one)]
    if len(answers) != 1 or answers[0].value is None or labels[0].value is None:
        return ""
    answer, label = answers[0].value, labels[0].value
    if not answer.is_floating_point() or answer.shape != label.shape:
        return ""
    n_whole = int((answer == answer.round()).sum())
    if n_whole > MOST_WHOLE * answer.numel():
        return ""
    if label.is_floating_point() and bool((label != label.round()).any()):
        return ""
    return f"{n_whole:,} of the {answer.numel():,} answers are whole numbers, and all labels are"


def _beyond_labels(made: Made) -> str:
    """`round(answers) == labels` where many of the rounded answers lie beyond all labels: logits were rounded."""
    if made.op not in _COMPARING or len(made.parents) != 2 or len(made.shape) > 2:
        return ""
    rounded = [one for one in made.parents if is_answer(one) and origin(one).op == "round"]
    labels = [one for one in made.parents if not is_answer(one)]
    if len(rounded) != 1 or not labels or rounded[0].value is None or labels[0].value is None:
        return ""
    answer, label = rounded[0].value, labels[0].value
    if answer.numel() < LEAST_COMPARED or answer.numel() != label.numel() or not label.numel():
        return ""
    low, high = float(label.min()), float(label.max())
    n = int(((answer < low) | (answer > high)).sum())
    if n < SHARE_BEYOND * answer.numel():
        return ""
    return f"{n:,} of the {answer.numel():,} rounded answers lie beyond the labels, which go from {low:g} to {high:g}"


def _argmax_of_all(made: Made, facts: Facts) -> str:
    """An argmax over a whole table of answers, compared with one label a row."""
    given = made.parents[0]
    if made.op != "argmax" or made.argument(1, "dim") is not None or made.shape or len(given.shape) != 2:
        return ""
    n, n_classes = given.shape
    if n < 2 or n_classes < 2:
        return ""
    is_compared = any(
        one.op in _COMPARING and any(parent is made for parent in one.parents) and one.shape == (n,)
        for one in facts.ops
    )
    return f"it goes over all {n * n_classes:,} numbers of {given.shape} and gives one place" if is_compared else ""

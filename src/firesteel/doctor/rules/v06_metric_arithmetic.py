"""V06: a metric that cannot come out right."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Facts, LoaderPass, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import is_answer, origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

_COMPARING = ("eq", "ne")
#: What each of these gives lies between two bounds; a threshold outside of them tells nothing apart.
_RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}


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
        "range of what they are given; divisions by the length of a loader whose batches' hits were summed."
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
        compared = [made for made in facts.ops if made.op in (*_COMPARING, "gt", "ge", "lt", "le", "argmax", "max")]
        places = {one.site for one in _once(compared) if any(is_answer(parent) for parent in one.parents)}
        compared = [one for one in compared if one.site in places]
        if not compared:
            raise NotApplicable("no answers of a net were compared with anything")
        yield from self._crossed(case, compared)
        yield from self._one_class(case, compared)
        yield from self._divided(case, facts)

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
        for made in _once(compared):
            given = made.parents[0] if made.parents else None
            if given is None or not is_answer(given):
                continue
            if said := _argmax_of_one(made, given) or _argmax_over_rows(made, given, case.facts):
                yield self.finding(
                    made.site,
                    message="this argmax cannot tell the classes of the rows",
                    evidence=said,
                    why="what is compared with the labels is the same whatever the net says",
                    fix="     take the argmax over the classes: .argmax(1); with one output use a threshold",
                )
            elif said := _threshold(made, given):
                yield self.finding(
                    made.site,
                    message="this threshold gives one class only",
                    evidence=said,
                    why="the score is the share of one class, whatever the net says",
                    fix="     use a threshold inside the range: 0.5 for a sigmoid, 0 for logits",
                )

    def _divided(self, case: Case, facts: Facts) -> Iterator[Finding]:
        passes = {(one.site.path, one.site.line): one for loader in facts.loaders for one in loader.passes}
        for path in {path for path, _ in passes}:
            source = case.sources[path]
            for loop in source.nodes(ast.For):
                one = passes.get((path, loop.iter.lineno))
                if one is None or one.n_batches < 1:
                    continue
                for name in _summed_hits(loop):
                    division = _division_by_batches(source, loop, name)
                    if division is not None:
                        yield self._describe_division(source, division, one)

    def _describe_division(self, source: Source, division: ast.BinOp, one: LoaderPass) -> Finding:
        n_rows = one.loader.n_rows or len(one.indices)
        return self.finding(
            (source, division),
            message="hits were summed over rows and are divided by the number of batches",
            evidence=f"the loader gave {one.n_batches:,} batches of {n_rows:,} rows in all",
            why="the score is too large by the size of a batch",
            fix=source.replace_node(division.right, f"{ast.unparse(division.right)[:-1]}.dataset)"),
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
    is_compared = any(
        one.op in _COMPARING and any(origin(parent) is made or parent is made for parent in one.parents)
        for one in facts.ops
    )
    return f"it goes over the {n} rows of {given.shape}, not over the {n_classes} classes" if is_compared else ""


def _threshold(made: Made, given: Made) -> str:
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
    if not is_outside or not is_constant or n < 2 or not _is_used_as_class(made):
        return ""
    return f"what a {source.op} gives lies between {low:g} and {high:g}; the threshold is {limit:g}"


def _is_used_as_class(made: Made) -> bool:
    return made.shape != ()


def _summed_hits(loop: ast.For) -> Iterator[str]:
    """Names to which `(answers == labels).sum()` of each batch is added."""
    for node in ast.walk(loop):
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name):
            calls = [part for part in ast.walk(node.value) if isinstance(part, ast.Call)]
            named = {part.func.attr for part in calls if isinstance(part.func, ast.Attribute)}
            is_comparison = any(
                isinstance(part, ast.Compare) and any(isinstance(op, ast.Eq) for op in part.ops)
                for part in ast.walk(node.value)
            )
            divides = any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div) for part in ast.walk(node.value))
            if "sum" in named and (is_comparison or "eq" in named) and "mean" not in named and not divides:
                yield node.target.id


def _division_by_batches(source: Source, loop: ast.For, name: str) -> ast.BinOp | None:
    """`hits / len(loader)` behind the loop over that loader, in the same function."""
    around = source.function_around(loop.lineno)
    text = ast.unparse(loop.iter)
    within = ast.walk(around) if around is not None else ast.walk(source.tree)
    for node in within:
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and node.lineno > loop.lineno):
            continue
        is_of_hits = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.left))
        if is_of_hits and ast.unparse(node.right) == f"len({text})":
            return node
    return None

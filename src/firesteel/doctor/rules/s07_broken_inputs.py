"""S07: NaN, inf or constant inputs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
import torch

from firesteel.doctor.facts import Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.frames import where_column_broke
from firesteel.doctor.lineage import origin
from firesteel.doctor.nonfinite import is_bad_at_end
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called

FEWEST_ROWS = 4
#: What makes NaN or infinities of 0 and of negative numbers.
_UNSAFE = ("log", "log2", "log10", "sqrt", "reciprocal", "arccos", "arcsin")


class BrokenInputs(Rule):
    id: ClassVar[str] = "S07"
    title: ClassVar[str] = "NaN, inf or constant inputs"
    level: ClassVar[Level] = "E"
    consequence_of: ClassVar[tuple[str, ...]] = ("D07",)
    what: ClassVar[str] = (
        "One NaN among the inputs makes the loss NaN, its gradient, and with one step every weight. Inputs that "
        "are the same for all rows (an integer division, a broken column) tell the net nothing."
    )
    detected: ClassVar[str] = (
        "The numbers of the batches that were trained on: NaN or inf among the inputs while the answer is no "
        "number either, or all columns constant over rows with different targets."
    )
    silent: ClassVar[str] = (
        "NaN that the net itself fills in; single constant columns, such as pixels at the edge; batches of one row."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
counts = torch.randint(0, 5, (64, 3)).float()
x, y = torch.log(counts), torch.randn(64, 1)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("torch.log(counts)", "torch.log1p(counts)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        calls = [one for one in facts.trained() if one.input is not None and one.input.value is not None]
        calls = [one for one in calls if one.input is not None and one.input.value is not None and one.n_rows]
        if not calls:
            raise NotApplicable("no inputs of a training were kept")
        broken = next((one for one in calls if _is_broken(one)), None)
        if broken is not None and broken.input is not None:
            yield self._describe_broken(case, broken, broken.input)
            return
        rare = next((one for one in facts.trained() if _is_rarely_broken(one)), None)
        if rare is not None and is_bad_at_end(facts) and calls[0].input is not None:
            yield self._describe_rare(case, rare, calls[0].input)
            return
        constant = [one for one in calls if _is_constant(one)]
        if len(constant) == len(calls) and _targets_vary(case):
            yield self._describe_constant(case, constant)

    def _describe_broken(self, case: Case, forward: Forward, given: Made) -> Finding:
        value = given.value
        assert value is not None
        n_nan, n_inf = int(value.isnan().sum()), int(value.isinf().sum())
        first = _first_broken(given)
        return self.finding(
            _where_broken(case, first, value),
            message="inputs are not numbers",
            evidence=f"{n_nan:,} NaN and {n_inf:,} infinite of {value.numel():,} inputs of a batch; "
            f"they arise at {first.op}",
            why="the loss, its gradient and with one step every weight are NaN, too",
            fix="     find where they come from (a logarithm or division of 0, missing values) and fill or drop them",
        )

    def _describe_rare(self, case: Case, forward: Forward, given: Made) -> Finding:
        """A batch of which only sums were kept."""
        assert forward.fresh is not None
        n_columns = int((~np.isfinite(forward.fresh.total)).sum())
        return self.finding(
            _where_broken(case, origin(given), None),
            message="inputs are not numbers",
            evidence=f"{n_columns:,} of {len(forward.fresh.total):,} columns of the batch behind step {forward.step:,} "
            "hold NaN or infinities, and the last losses are no numbers",
            why="the loss, its gradient and with one step every weight are NaN, too",
            fix="     find where they come from (a logarithm or division of 0, missing values) and fill or drop them",
        )

    def _describe_constant(self, case: Case, calls: list[Forward]) -> Finding:
        given = calls[0].input
        assert given is not None
        value = given.value
        shown = float(value.reshape(-1)[0]) if value is not None else 0.0
        return self.finding(
            _where_constant(case, origin(given)),
            message="all rows that the net is given are the same",
            evidence=f"in {len(calls)} batches that were looked at every column is constant, the "
            f"first at {shown:g}, while "
            "targets differ",
            why="the net can learn nothing but the mean of the targets",
            fix="     look at the line that makes the inputs: an integer division (//), a cast, a wrong column",
        )


def _is_broken(forward: Forward) -> bool:
    value = forward.input.value if forward.input is not None else None
    if value is None or not value.is_floating_point() or bool(value.isfinite().all()):
        return False
    answer = forward.output.value if forward.output is not None else None
    return answer is None or not answer.is_floating_point() or not bool(answer.isfinite().all())


def _is_rarely_broken(forward: Forward) -> bool:
    return forward.fresh is not None and not forward.is_hot and not bool(np.isfinite(forward.fresh.total).all())


def _is_constant(forward: Forward) -> bool:
    value = forward.input.value if forward.input is not None else None
    if value is None or len(value) < FEWEST_ROWS or value.dim() < 2 or value.numel() == len(value):
        return False
    return bool((value == value[:1]).all())


def _targets_vary(case: Case) -> bool:
    targets = [one.target.value for one in case.facts.losses if one.is_trained and one.target is not None]
    return any(one is not None and one.numel() > 1 and bool((one != one.reshape(-1)[0]).any()) for one in targets)


def _first_broken(made: Made) -> Made:
    """The earliest operation that gave what is no number."""
    for one in reversed(list(made.walk())):
        if one.value is not None and one.value.is_floating_point() and not bool(one.value.isfinite().all()):
            return one
    return made


def _is_seen(made: Made) -> bool:
    return made.op not in ("unknown", "array", "tensor", "from_numpy", "as_tensor", "getitem", "stack", "cat")


def _where_constant(case: Case, made: Made) -> tuple[Source, ast.AST] | Site:
    """The operation's own line if it was seen; for arrays the line that divides without a rest."""
    if not _is_seen(made):
        for source, node in _prepared(case):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
                return source, node
    return made.site


def _where_broken(case: Case, made: Made, value: torch.Tensor | None) -> tuple[Source, ast.AST] | Site:
    """The operation's own line if it was seen; for arrays the line that takes a logarithm or divides.

    Where only some numbers are NaN, and nothing takes a logarithm or a root, they were missing from the start.
    """
    if _is_seen(made):
        return made.site
    found = list(_prepared(case))
    for source, node in found:
        if isinstance(node, ast.Call) and called(node) in _UNSAFE and not _is_guarded(node):
            return source, node
    column = where_column_broke(case.facts, [case.sources[path] for path in case.facts.files()])
    if column is not None:
        return column
    if value is not None and not _has_whole_columns(value) and not bool(value.isinf().any()):
        return made.site
    for source, node in found:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _is_guarded(node):
            return source, node
    return made.site


def _prepared(case: Case) -> Iterator[tuple[Source, ast.expr]]:
    """The calls and arithmetic of the user's files outside of loops that train."""
    for path in case.facts.files():
        source = case.sources[path]
        for node in source.nodes(ast.expr):
            loops = source.loops_around(node.lineno) if isinstance(node, ast.Call | ast.BinOp) else None
            if loops is not None and not any(_trains(loop) for loop in loops):
                yield source, node


def _trains(loop: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) and called(one) in ("backward", "step") for one in ast.walk(loop))


def _is_guarded(node: ast.Call | ast.BinOp) -> bool:
    """What goes in, or what is divided by, is a number or kept away from 0."""
    if isinstance(node, ast.Call):
        is_number = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "math"
        given: ast.AST = node.args[0] if node.args else node.func
        return is_number or isinstance(given, ast.Constant) or _adds(given)
    if any(isinstance(one, ast.Call) and called(one) in ("len", "sqrt") for one in ast.walk(node.right)):
        return True
    return isinstance(node.right, ast.Constant) or _adds(node.right)


def _adds(node: ast.AST) -> bool:
    parts = list(ast.walk(node))
    sums = [one for one in parts if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Add)]
    if any(isinstance(side, ast.Constant) for one in sums for side in (one.left, one.right)):
        return True
    names = {called(one) for one in parts if isinstance(one, ast.Call)}
    return bool(names & {"clip", "clamp", "maximum", "where", "max", "exp"})


def _has_whole_columns(value: torch.Tensor) -> bool:
    return value.dim() > 1 and bool((~value.isfinite()).flatten(1).all(0).any())

"""S07: NaN, inf or constant inputs."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called

FEWEST_ROWS = 4


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
        constant = [one for one in calls if _is_constant(one)]
        if len(constant) == len(calls) and _targets_vary(case):
            yield self._describe_constant(case, constant)

    def _describe_broken(self, case: Case, forward: Forward, given: Made) -> Finding:
        value = given.value
        assert value is not None
        n_nan, n_inf = int(value.isnan().sum()), int(value.isinf().sum())
        first = _first_broken(given)
        return self.finding(
            _where_made(case, first),
            message="inputs are not numbers",
            evidence=f"{n_nan:,} NaN and {n_inf:,} infinite of {value.numel():,} inputs of a batch; "
            f"they arise at {first.op}",
            why="the loss, its gradient and with one step every weight are NaN, too",
            fix="     find where they come from (a logarithm or division of 0, missing values) and fill or drop them",
        )

    def _describe_constant(self, case: Case, calls: list[Forward]) -> Finding:
        given = calls[0].input
        assert given is not None
        value = given.value
        shown = float(value.reshape(-1)[0]) if value is not None else 0.0
        return self.finding(
            _where_made(case, origin(given)),
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


def _where_made(case: Case, made: Made) -> tuple[Source, ast.AST] | Site:
    """The operation's own line if it was seen; for arrays the line that takes a logarithm, divides or casts."""
    if made.op not in ("unknown", "array", "tensor", "from_numpy", "as_tensor", "getitem", "stack"):
        return made.site
    for path in case.facts.files():
        source = case.sources[path]
        for node in source.nodes(ast.expr):
            is_floor = isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv)
            is_log = isinstance(node, ast.Call) and called(node) in ("log", "log2", "log10", "sqrt", "reciprocal")
            if (is_floor or is_log) and not source.loops_around(node.lineno):
                return source, node
    return made.site

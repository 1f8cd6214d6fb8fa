"""S03: samples of a batch are mixed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.reexecuting import CannotReplay, Expression
from firesteel.doctor.replaying import apart
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_SEQUENCES = ("lstm", "gru", "rnn_tanh", "rnn_relu", "multi_head_attention_forward")
#: Answers of the other rows change by more than this share of their spread.
TOLERANCE = 1e-3
FEWEST_ROWS, MOST_ROWS = 3, 2_000


class SamplesMixed(Rule):
    id: ClassVar[str] = "S03"
    title: ClassVar[str] = "samples mixed across the batch"
    level: ClassVar[Level] = "E"
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "The answer for a row must not depend on which other rows are in its batch. A recurrent net or attention "
        "that takes the batch for time (batch_first), a reshape, or a product over the wrong axis mixes them, and "
        "the net answers differently alone."
    )
    detected: ClassVar[str] = (
        "A recorded call of the net is computed again with one row of the batch changed. The answers for the "
        "other rows change, too. Batch norm in training is left out, as it is meant to mix."
    )
    silent: ClassVar[str] = (
        "Losses that compare rows (contrastive); running means that a later call takes up; nets that are always given "
        "all rows at once, as with graphs, unless a layer for sequences does the mixing."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(80, 6, 3), torch.randn(80, 6, 1)
rnn, head = nn.LSTM(3, 8), nn.Linear(8, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(3, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.rnn(x)[0])

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(0, 80, 20):
    optimizer.zero_grad()
    loss = (net(x[i : i + 20]) - y[i : i + 20]).pow(2).mean()
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("nn.LSTM(3, 8)", "nn.LSTM(3, 8, batch_first=True)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        calls = [one for one in facts.forwards if _is_fit(one)]
        if not calls:
            raise NotApplicable("no call of a net with a batch of rows was looked at")
        reasons: list[str] = []
        n_asked = 0
        for one in _of_each_net(calls):
            try:
                found = _mixing(facts, one)
            except CannotReplay as reason:
                reasons.append(str(reason))
                continue
            n_asked += 1
            if found is not None and _is_carried_on(facts, one):
                continue
            if found is not None and (found[0].op in _SEQUENCES or _comes_in_parts(facts, one)):
                yield self._describe(found[0], one, found[1])
        if not n_asked:
            raise NotApplicable(f"no call could be computed again ({reasons[0] if reasons else 'random layers'})")

    def _describe(self, made: Made, forward: Forward, changed: int) -> Finding:
        n = forward.output.shape[0] if forward.output is not None else 0
        is_sequence = made.op in _SEQUENCES
        return self.finding(
            made.creation if made.module is not None and is_sequence else made.site,
            message="rows of the batch are mixed here" if not is_sequence else "the batch is taken for time",
            evidence=f"one of {n} rows was changed, and the answers for {changed} others changed with "
            f"it; the mixing begins "
            f"at {made.op}",
            why="what the net says of a row depends on which others are in its batch",
            fix="     pass batch_first=True"
            if is_sequence
            else "     keep the first axis apart: no reshape, product or mean over it",
        )


def _is_fit(forward: Forward) -> bool:
    output = forward.output
    if output is None or forward.input is None or not output.shape or not FEWEST_ROWS <= forward.n_rows <= MOST_ROWS:
        return False
    if forward.n_rows in output.shape[1:]:  # each row with each: similarities are mixed on purpose
        return False
    return output.shape[0] == forward.n_rows == forward.input.shape[0]


def _of_each_net(calls: list[Forward]) -> list[Forward]:
    """Two calls of each net, those in evaluation mode first."""
    by_net: dict[int, list[Forward]] = {}
    for one in sorted(calls, key=lambda one: (one.is_training, one.at)):
        by_net.setdefault(id(one.module), []).append(one)
    return [one for found in by_net.values() for one in found[:2]]


def _comes_in_parts(facts: Facts, forward: Forward) -> bool:
    """The net is given different rows at different times, so that it is no net of a whole."""
    sets = {one.rows.tobytes() for one in facts.forwards if one.module is forward.module and one.rows is not None
            and one.role == "training"}  # fmt: skip
    return len(sets) > 1


def _is_carried_on(facts: Facts, forward: Forward) -> bool:
    """A mean over the rows goes into a later call of the net: a running statistic, as batch norm has one."""
    given = {id(one) for one in (*forward.inputs, *forward.outputs)}
    inside = {
        id(one) for root in forward.outputs for one in root.walk()
        if forward.at < one.at and id(one) not in given and one.module is not None and one.param is None
        and one.shape[:1] != (forward.n_rows,)
    }  # fmt: skip
    last = max((one.at for one in forward.outputs), default=forward.at)
    later = [one for one in facts.ops if one.at > last and one.module is not None]
    return any(id(origin(parent)) in inside or id(parent) in inside for one in later for parent in one.parents)


def _mixing(facts: Facts, forward: Forward) -> tuple[Made, int] | None:
    """The first operation that brings another row into a row, and how many rows it reached; None if none does."""
    output = forward.output
    assert output is not None
    params = [one for one in facts.params if one.initial is not None]
    expression = Expression(output, params)
    is_mixing_meant = any(
        made.op == "batch_norm" and made.argument(5, "training", False) for made in expression.dependent
    )
    if expression.is_random or is_mixing_meant:
        raise CannotReplay("it draws random numbers or uses batch statistics")
    leaves = {id(one): one.initial for one in params if one.initial is not None}
    n, row = forward.n_rows, forward.n_rows // 2
    data = {id(one): expression.data_of(one) for made in expression.dependent for one in made.parents
            if not expression.depends(one)}  # fmt: skip
    changed = {key: _with_row(value, row) for key, value in data.items() if value.shape[:1] == (n,)}
    if not any(not torch.equal(changed[key], data[key]) for key in changed):
        raise CannotReplay("its rows are all alike")
    with apart(), torch.no_grad():
        before = expression.compute_all(leaves)
        after = expression.compute_all(leaves, data=changed)
    others = [i for i in range(n) if i != row]
    n_changed = _rows_changed(before[id(output)], after[id(output)], others)
    if not n_changed:
        return None
    sequences = [made for made in expression.dependent if made.op in _SEQUENCES]
    for made in expression.dependent:
        if made.shape[:1] == (n,) and _rows_changed(before[id(made)], after[id(made)], others):
            earlier = [one for one in sequences if one.at <= made.at]
            return (earlier[0] if earlier else made), n_changed
    return output, n_changed


def _with_row(value: torch.Tensor, row: int) -> torch.Tensor:
    """The rows with one of them replaced by another that differs from it."""
    other = next((i for i in range(len(value)) if not torch.equal(value[i], value[row])), row)
    changed = value.clone()
    changed[row] = value[other]
    return changed


def _rows_changed(before: object, after: object, rows: list[int]) -> int:
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor) or not before.is_floating_point():
        return 0
    spread = float(before.double().std()) if before.numel() > 1 else 0.0
    gap = (before[rows].double() - after[rows].double()).abs().reshape(len(rows), -1).amax(1)
    return int((gap > TOLERANCE * max(spread, 1e-12)).sum())

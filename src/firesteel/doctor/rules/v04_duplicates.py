"""V04: rows that stand both among those trained on and those evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Forward
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.roles import taught
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source, called
from firesteel.doctor.tables import is_measured

#: So many evaluated rows, and this share of them, must be equal to trained ones, yet not nearly all.
LEAST_ROWS, LEAST_SHARE, MOST_SHARE = 3, 0.02, 0.9
#: A call that holds this share of all trained rows shows the whole data.
SHARE_OF_WHOLE = 0.5
#: Of the rows of one pass, so many are there twice where the data were copied before they were dealt.
SHARE_COPIED = 0.3
_COPYING = ("resample", "concat", "concatenate", "cat", "repeat", "repeat_interleave", "tile", "vstack", "fit_resample")
_DEALING = ("train_test_split", "random_split", "randperm", "permutation", "shuffle", "sample")


class Duplicates(Rule):
    id: ClassVar[str] = "V04"
    title: ClassVar[str] = "duplicates between train and test"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "Rows that were copied before the split (oversampling, augmentation, several records of one case) end up "
        "on both sides. The net has learned them by heart, and the held-out score is too good."
    )
    detected: ClassVar[str] = (
        "Fingerprints of the rows: some, but not all, of those in one evaluation are equal to the last bit to "
        "rows that were trained on, in data whose columns are measured numbers, where equal rows do not come by "
        "chance."
    )
    silent: ClassVar[str] = (
        "Columns of few values (categories, counts, ids), where equal rows are chance; a score on the training rows "
        "beside one on held-out rows; the whole data shown to the net."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(100, 4)
x = torch.cat([x, x[:50]])
x = x[torch.randperm(150)]
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[:110]), y[:110]).backward()
    optimizer.step()
with torch.no_grad():
    print("error", nn.functional.mse_loss(net(x[110:]), y[110:]).item())
"""
    healthy: ClassVar[str] = sick.replace("x = torch.cat([x, x[:50]])", "x = torch.cat([x, torch.randn(50, 4)])")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        trained = [one for one in taught(facts) if one.samples is not None]
        known = {int(row) for one in trained for row in one.samples}
        evaluated = [one for one in facts.evaluated() if one.samples is not None and one.n_rows > 1]
        if not trained or not evaluated:
            raise NotApplicable("no evaluation beside a training was seen")
        shared, rows, places = 0, 0, []
        is_copied = not facts.stopped and _is_copied(trained, evaluated, known)
        for one in _once_each(evaluated):
            n_known = sum(int(row) in known for row in one.samples)
            is_whole = len({int(row) for row in one.samples} & known) > SHARE_OF_WHOLE * len(known)
            if not is_copied and (is_whole or n_known > MOST_SHARE * len(one.samples)):
                continue
            shared, rows = shared + n_known, rows + len(one.samples)
            places += [one] if n_known else []
        is_chance = not any(one.input is not None and is_measured(one.input) for one in places)
        if shared < LEAST_ROWS or shared < LEAST_SHARE * rows or is_chance:
            return
        source, node = _where_dealt(case, places[0])
        yield self.finding(
            places[0].site if node is None else (source, node),
            message="rows that are evaluated were trained on, too",
            evidence=f"{shared:,} of {rows:,} evaluated rows are equal to the last bit to rows that were trained on",
            why="the net knows them by heart: the held-out score is too good",
            fix="     split first, then copy or resample the training part alone",
        )


def _once_each(evaluated: list[Forward]) -> list[Forward]:
    """Each batch of rows once, however often it was evaluated: the call that was looked at, if one was."""
    found: dict[tuple[object, bytes], Forward] = {}
    for one in sorted(evaluated, key=lambda one: one.input is None):
        found.setdefault((one.site, one.samples.tobytes()), one)
    return sorted(found.values(), key=lambda one: one.at)


def _is_copied(trained: list[Forward], evaluated: list[Forward], known: set[int]) -> bool:
    """All that was ever evaluated was trained on, in part only, and what was trained on at once holds rows twice."""
    if any(int(row) not in known for one in evaluated for row in one.samples):
        return False
    whole: dict[object, list[int]] = {}
    for one in trained:
        whole.setdefault(one.at if one.loader_pass is None else one.loader_pass, []).extend(one.samples.tolist())
    rows = max(whole.values(), key=len)
    n_evaluated = max(len(one.samples) for one in evaluated)
    return len(set(rows)) < (1 - SHARE_COPIED) * len(rows) and n_evaluated < SHARE_OF_WHOLE * len(rows)


def _where_dealt(case: Case, forward: Forward) -> tuple[Source, ast.AST | None]:
    """The call that copies rows before they are dealt, or the one that deals them, where the tree shows one."""
    paths = dict.fromkeys([*case.facts.files(), forward.site.path])
    for path in paths:
        source = case.sources[path]
        calls = [(called(call), call) for call in source.nodes(ast.Call)]
        dealt = next((call for name in _DEALING for called, call in calls if called == name), None)
        if dealt is not None:
            copied = [call for called, call in calls if called in _COPYING]
            before = [place for call in copied for place in _ran_before(source, call, dealt)]
            return source, before[0] if before else dealt
    return case.sources.of(forward.site), None


def _ran_before(source: Source, copied: ast.Call, dealt: ast.Call) -> list[ast.Call]:
    """The call that copies, above the one that deals; of a function given a table, the call of that."""
    function, here = source.function_around(copied.lineno), source.function_around(dealt.lineno)
    if function is not None and function is not here:
        calls = [one for one in source.nodes(ast.Call) if called(one) == function.name]
        calls = [one for one in calls if one.args and isinstance(one.args[0], ast.Name | ast.Attribute)]
        beside = [one for one in calls if source.function_around(one.lineno) is here and one.lineno < dealt.lineno]
        if beside:
            return beside[:1]
    return [copied] if copied.lineno < dealt.lineno else []

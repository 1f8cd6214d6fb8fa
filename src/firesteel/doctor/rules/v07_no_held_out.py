"""V07: no held-out rows, or the model was chosen on the rows that score it."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Forward
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.roles import taught
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.scoring import is_noise, sources_of
from firesteel.doctor.source import Source

#: Trainings with fewer steps or rows are tries of something else.
FEWEST_STEPS, FEWEST_ROWS = 5, 20
#: Of the rows that were seen, so many are new each time where data are made as training goes on.
SHARE_OF_STREAMS = 0.9
_TEST, _VAL = {"test", "tests", "testing", "tst", "te"}, {"val", "valid", "validation", "dev", "eval"}
_KEEPING = {"state_dict", "deepcopy", "save"}


class NoHeldOut(Rule):
    id: ClassVar[str] = "V07"
    title: ClassVar[str] = "no held-out rows, or chosen on the test rows"
    level: ClassVar[Level] = "N"
    what: ClassVar[str] = (
        "A score on rows that the net learned from says how well it remembers, not what it does with new rows. "
        "And where the best epoch is kept by the score of the test rows, that score is too good: it is the best "
        "of many tries."
    )
    detected: ClassVar[str] = (
        "The rows that went into the net are told apart by fingerprints. The note is there if all rows that were "
        "ever evaluated had been trained on, or if weights are kept by a comparison inside the loop, the held-out "
        "rows are evaluated there, and no other rows are evaluated at the end (or others are, and the script itself "
        "calls those that choose its test rows)."
    )
    silent: ClassVar[str] = (
        "A third set that is read once at the end; data that are made anew for every step; trainings in which a net "
        "(a generator) is given nothing but noise drawn at each step; trainings of less than five steps or twenty "
        "rows; a run that was stopped before its end."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(100, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
with torch.no_grad():
    print("error", nn.functional.mse_loss(net(x), y).item())
"""
    healthy: ClassVar[str] = (
        sick.replace("torch.randn(100, 4)", "torch.randn(150, 4)")
        .replace("net(x), y).backward", "net(x[:100]), y[:100]).backward")
        .replace('"error", nn.functional.mse_loss(net(x), y)', '"error", nn.functional.mse_loss(net(x[100:]), y[100:])')
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if facts.stopped:
            raise NotApplicable("the script was stopped before its end: held-out rows may come there")
        trained = [one for one in taught(facts) if one.samples is not None]
        rows = {int(row) for one in trained for row in one.samples}
        if _is_fed_noise(facts, trained):
            raise NotApplicable("a net is trained that makes something of drawn noise: no rows can be held out of that")
        n_seen = sum(len(one.samples) for one in trained)
        if facts.n_backwards < FEWEST_STEPS or len(rows) < FEWEST_ROWS:
            raise NotApplicable(f"fewer than {FEWEST_STEPS} steps or {FEWEST_ROWS} rows were trained on")
        if len(rows) > SHARE_OF_STREAMS * n_seen:
            raise NotApplicable("every step had new rows")
        evaluated = [one for one in facts.evaluated() if one.samples is not None]
        held_out = [one for one in evaluated if any(int(row) not in rows for row in one.samples)]
        if held_out:
            yield from self._chosen(case, trained, held_out)
            return
        last = evaluated[-1] if evaluated else trained[-1]
        n = len({int(row) for one in evaluated for row in one.samples})
        seen = (
            f"all {n:,} different rows that were evaluated had been trained on"
            if n
            else "no other row was ever evaluated"
        )
        yield self.finding(
            last.site,
            message="no row was held out",
            evidence=f"{len(rows):,} different rows were trained on; {seen}",
            why="such a score says how well the net remembers, not what it does with new rows",
            fix="     hold out a part of the rows before training, and score the net on it",
        )

    def _chosen(self, case: Case, trained: list[Forward], held_out: list[Forward]) -> Iterable[Finding]:
        """Held-out rows that are evaluated while training goes on, decide which weights are kept, and are the score."""
        last_step = trained[-1].at
        during = {int(row) for one in held_out if one.at < last_step for row in one.samples}
        after = {int(row) for one in held_out if one.at > last_step for row in one.samples}
        is_third = bool(after - during)  # others are evaluated at the end: only the names tell which are the test rows
        if not during or (is_third and not after & during):
            return
        loops = {one.site.path for one in trained}
        for path in loops:
            source = case.sources[path]
            for node in source.nodes(ast.If):
                is_chosen = _keeps_weights(node) and source.loops_around(node.lineno)
                if is_chosen and (not is_third or _is_of_test(source, node)):
                    yield self._finding_of_choice(source, node, n=len(during), is_third=is_third)
                    return

    def _finding_of_choice(self, source: Source, node: ast.If, *, n: int, is_third: bool) -> Finding:
        others = "others were read at the end alone, and chose nothing" if is_third else "no others were"
        return self.finding(
            (source, node.test),
            message="the weights that are kept are chosen by the rows that score them",
            evidence=f"the same {n:,} rows were evaluated during training and at its end; {others}",
            why="the best of many tries on these rows is better than the net is on new ones",
            fix="     choose by a third part of the rows (val), and read the test rows once, at the end",
        )


def _is_fed_noise(facts: Facts, trained: list[Forward]) -> bool:
    """At two steps or more all that a net was given had been drawn since the step before."""
    times = [one.at for one in facts.backwards]
    fed = 0
    for forward in trained:
        before = bisect_left(times, forward.at)
        if before and forward.input is not None and is_noise(forward.input):
            fed += any(one.at > times[before - 1] for one in sources_of(forward.input))
    return fed > 1


def _keeps_weights(node: ast.If) -> bool:
    """A comparison that decides whether weights are copied or saved."""
    if not any(isinstance(part, ast.Compare) for part in ast.walk(node.test)):
        return False
    calls = [part.func for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Call)]
    names = {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}
    return bool(names & _KEEPING)


def _is_of_test(source: Source, node: ast.If) -> bool:
    """What is compared was computed in the loop, of what is called test and not val."""
    loop = source.loops_around(node.lineno)[-1]
    compared = {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)}
    words: set[str] = set()
    for one in ast.walk(loop):
        if isinstance(one, ast.Assign) and one.lineno < node.lineno:
            names = {part.id for target in one.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            words |= _words_given(one.value) if names & compared else set()
    words |= _words_given(node.test)
    return bool(words & _TEST) and not words & _VAL


def _words_given(node: ast.AST) -> set[str]:
    """The words of all that calls in an expression are given."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    given = [arg for one in calls for arg in (*one.args, *(word.value for word in one.keywords))]
    return {word for arg in given for word in re.findall(r"[a-z]+", ast.unparse(arg).lower())}

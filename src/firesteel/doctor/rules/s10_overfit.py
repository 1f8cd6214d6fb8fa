"""S10: the net learns the training rows by heart."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Forward, Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import loop_of_epochs
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source

#: The held-out loss ends so many times above its least, and the training loss so many times below the held-out one.
RISEN, APART = 1.5, 5.0
#: It rises still if it ends so many times above its least.
RISING = 1.1
#: The same where each loss is of other held-out rows.
RISEN_OF_OTHERS = 2.0
LEAST_POINTS = 3


class Overfit(Rule):
    id: ClassVar[str] = "S10"
    title: ClassVar[str] = "overfitting"
    level: ClassVar[Level] = "W"
    consequence_of: ClassVar[tuple[str, ...]] = ("S02", "S03", "S06")
    what: ClassVar[str] = (
        "The training loss goes on falling while the held-out loss rises: from there on the net learns what is "
        "peculiar to the training rows, and becomes worse, or at least too sure, on new ones."
    )
    detected: ClassVar[str] = (
        "The same loss on rows that were not trained on, at least three times: it ends more than half above its "
        "least value, or that much above the loss of the untrained net, while the training loss ends at less than a "
        "fifth of it."
    )
    silent: ClassVar[str] = "Runs that load earlier weights again (early stopping), and losses that are still falling."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(80, 10), torch.randint(0, 2, (80,))
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for epoch in range(100):
    loss = nn.functional.cross_entropy(net(x[:40]), y[:40])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 25 == 0:
        with torch.no_grad():
            print(epoch, nn.functional.cross_entropy(net(x[40:]), y[40:]).item())
"""
    healthy: ClassVar[str] = (
        sick.replace("torch.randint(0, 2, (80,))", "None")
        .replace("net = ", "y = (x[:, 0] > 0).long()\nnet = ", 1)
        .replace("range(100)", "range(60)")
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        names = {one.name for one in facts.losses if one.is_trained}
        held_out = [one for one in facts.losses if one.name in names and _is_held_out(facts, one)]
        by_site: dict[object, list[Loss]] = {}
        for one in held_out:
            by_site.setdefault((one.site, one.input.shape), []).append(one)
        series = max(by_site.values(), key=len, default=[])
        if len(series) < LEAST_POINTS:
            raise NotApplicable("no loss on held-out rows was looked at three times")
        points = _by_step(series)
        values = list(points.values())
        curve = facts.curve()
        train = sum(curve[-5:]) / len(curve[-5:]) if curve else 0.0
        if not curve or not 0 <= train * APART < values[-1]:
            return
        if not _has_risen(values, curve[0], is_one_set=_is_one_set(facts, series)):
            return
        if any(_loads_weights(case, path) for path in facts.files()):
            return
        least, (end, last) = min(values), list(points.items())[-1]
        best = list(points)[values.index(least)]
        untrained = f", where the untrained net had {curve[0]:.3g}" if last <= RISEN * least else ""
        yield self.finding(
            _place(case),
            message="the net learns the training rows by heart",
            evidence=f"the held-out loss was {least:.3g} after {best:,} steps and is {last:.3g} after "
            f"{end:,}{untrained}; the training loss ended at {train:.3g}",
            why="from its least value on, the net became worse on new rows",
            fix="     stop there (early stopping), or hold against it: weight decay, dropout, a smaller net, more rows",
        )


def _place(case: Case) -> Site | tuple[Source, int]:
    """The loop over the epochs; the net, where how long that loop is stands in a config."""
    site = case.facts.backwards[-1].site
    source = case.sources.of(site)
    loop = loop_of_epochs(source, site.line)
    made = case.facts.trained()[-1].module.site if case.facts.trained() else None
    is_told = not isinstance(loop, ast.For) or not any(
        isinstance(one, ast.Attribute | ast.Subscript) for one in ast.walk(loop.iter)
    )
    if loop is not None and (is_told or made is None or not made.is_users):
        return source, loop.lineno
    return made if made is not None and made.is_users else site


def _by_step(series: list[Loss]) -> dict[int, float]:
    """The mean of the losses that were taken with the same weights, by the number of steps before them."""
    found: dict[int, list[float]] = {}
    for one in series:
        if one.made.value is not None:
            found.setdefault(one.step, []).append(float(one.made.value))
    return {step: sum(values) / len(values) for step, values in found.items()}


def _has_risen(values: list[float], untrained: float, *, is_one_set: bool) -> bool:
    """The end is far above the least, or above that of an untrained net and rising still.

    Of batches that were not the same each time the last two are, and farther.
    """
    if is_one_set:
        is_far = values[-1] > RISEN * min(values) or values[-1] > max(RISEN * untrained, RISING * min(values))
        return len(values) >= LEAST_POINTS and is_far
    return len(values) > LEAST_POINTS and min(values[-2:]) > RISEN_OF_OTHERS * min(values)


def _is_held_out(facts: Facts, loss: Loss) -> bool:
    """Its input came from an evaluation, and it is one number."""
    if loss.is_trained or loss.made.value is None or loss.made.value.numel() != 1:
        return False
    outputs = {id(one) for forward in _evaluations(facts) for one in forward.outputs}
    return any(id(one) in outputs for one in loss.input.walk())


def _is_one_set(facts: Facts, series: list[Loss]) -> bool:
    """All of these losses are of the same rows."""
    calls = {id(one): forward for forward in _evaluations(facts) for one in forward.outputs}
    sets = {
        next((calls[id(one)].samples.tobytes() for one in loss.input.walk() if id(one) in calls), b"")
        for loss in series
    }
    return len(sets) == 1


def _evaluations(facts: Facts) -> list[Forward]:
    trained = {int(row) for one in facts.trained() if one.samples is not None for row in one.samples}
    return [
        one
        for one in facts.evaluated()
        if one.samples is not None and not any(int(row) in trained for row in one.samples[:50])
    ]


def _loads_weights(case: Case, path: str) -> bool:
    calls = case.sources[path].nodes(ast.Call)
    return any(isinstance(call.func, ast.Attribute) and call.func.attr == "load_state_dict" for call in calls)

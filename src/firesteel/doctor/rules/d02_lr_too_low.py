"""D02: learning rate too low."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.curves import Curve
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import change_of_lr
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import Trouble, trouble_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.trainings import mean_of

#: Shorter trainings may be meant so.
LEAST_STEPS = 40
#: The loss moved by at most so much of the way that a higher rate goes: an error, or a warning.
BARELY, LITTLE = 0.15, 0.35
#: A loss that has risen by so much is no matter of too small steps.
RISES = 1.1
#: Ten times the steps go at most so much of it.
LONGER_HELPS = 0.5
#: A schedule that takes most of the rate away is another bug.
LEAST_MEAN = 0.3


class LrTooLow(Rule):
    id: ClassVar[str] = "D02"
    title: ClassVar[str] = "learning rate too low"
    level: ClassVar[Level] = "E"
    consequence_of: ClassVar[tuple[str, ...]] = (
        "L05",
        "O01",
        "O02",
        "O04",
        "O05",
        "O06",
        "O09",
        "G01",
        "G02",
        "D08",
        "S03",
    )
    asks_causes_first: ClassVar[bool] = True
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "The steps are so small that the weights stay where they began: the loss barely moves, and more epochs would "
        "not help within reason. With a rate of 1e-6 a net of this kind needs a hundred thousand epochs."
    )
    detected: ClassVar[str] = (
        "A training that ends near the best constant answer is replayed on copies with 10, 100, ... times the rate. It"
        " is an error if the loss moved by less than 15 % of the way that a higher rate goes in as many steps, on "
        "rows that were not trained on, and ten times the steps at the old rate do not go half of that way either."
    )
    silent: ClassVar[str] = (
        "Trainings that learn; short runs (fewer than 40 steps, or where more steps of the same kind would do); "
        "converged ones, as no rate helps these; rates that a schedule lowers."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, 0] + x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-5)
for epoch in range(100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("lr=1e-5", "lr=0.5")

    def judge(self, case: Case) -> Iterable[Finding]:
        if not case.probes:
            raise NotApplicable("replays were not wanted, or their time was spent")
        try:
            trouble = trouble_of(case.facts)
        except CannotReplay as reason:
            raise NotApplicable(f"nothing was replayed: {reason}") from None
        if trouble is None or trouble.cure is None or trouble.cured is None or trouble.cure.lr_factor <= 1:
            return
        training = trouble.training
        begun = mean_of(training.curve[: max(3, training.n_steps // 10)])
        if training.end > RISES * begun:
            return
        longer = trouble.longer
        is_short = training.n_steps < LEAST_STEPS or longer is None or _way(trouble, longer) > LONGER_HELPS
        if is_short or statistics.fmean(training.lrs) < LEAST_MEAN * training.lr:
            return
        start = min(training.start, begun)  # the first batch alone may be a hard one
        moved = max(_way(trouble, trouble.control), (start - training.end) / _whole_way(trouble))
        if moved > LITTLE:
            return
        higher = training.lr * trouble.cure.lr_factor
        assert longer is not None
        yield self.finding(
            training.place,
            level="E" if moved <= BARELY else "W",
            message=f"the learning rate {training.lr:g} is too low: the loss barely moves",
            evidence=f"{trouble.says_run()}; {trouble.says()} (lr {higher:g}); "
            f"{longer.n_steps} steps at the old rate: {longer.says()}",
            why="the weights stay about where they began",
            fix=change_of_lr(case.sources, training, higher),
        )


def _whole_way(trouble: Trouble) -> float:
    """How far the loss falls at the higher rate."""
    assert trouble.cured is not None
    return max(trouble.cured.start - trouble.cured.best, 1e-12)


def _way(trouble: Trouble, curve: Curve) -> float:
    """How much of that way another replay goes."""
    return (curve.start - curve.best) / _whole_way(trouble)

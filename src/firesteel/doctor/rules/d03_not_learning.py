"""D03: the loss does not fall."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.climbing import Climb, climb_of
from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.rules.rule import STOPS_LEARNING, Case, NotApplicable, Rule, place_among_causes
from firesteel.doctor.sites import Site
from firesteel.doctor.trainings import mean_of

#: The loss ends with so much of what the best constant answer costs, or else of its first value.
NOT_LEARNT = 0.9
LEAST_BACKWARDS = 10
MOST_CAUSES = 5
STANDS, NO_BETTER = "the loss does not fall", "the loss ends no better than one answer for all rows"


class NotLearning(Rule):
    id: ClassVar[str] = "D03"
    title: ClassVar[str] = "the loss does not fall"
    level: ClassVar[Level] = "W"
    has_replay: ClassVar[bool] = True
    is_header: ClassVar[bool] = True
    what: ClassVar[str] = (
        "The loss ends where it began, or no better than one answer for all rows. That is a symptom: this note stands "
        "above the causes that were found, the likeliest first."
    )
    detected: ClassVar[str] = (
        "The mean of the last tenth of the losses, against what the best constant answer costs, or where that is not "
        "known against the first losses. And where an update adds the gradient instead of taking it away, and the loss "
        "rises: a warning, if the loss is the distance from targets."
    )
    silent: ClassVar[str] = (
        "Where no other rule has found an error or a warning that can stop a loss from falling: but for updates that "
        "climb, the note never stands alone."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, 0] + x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
nn.init.zeros_(net[0].weight)
nn.init.zeros_(net[0].bias)
nn.init.zeros_(net[2].weight)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(50):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("nn.init.zeros_(net[0].weight)\n", "").replace("lr=0.1", "lr=1.0")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        losses = facts.curve()
        if len(losses) < LEAST_BACKWARDS:
            raise NotApplicable(f"only {len(losses)} losses were seen")
        climb = climb_of(facts)
        if climb is not None:
            yield self._climbs(climb, losses)
            return
        found = self._says(facts, losses)
        if found is None:
            return
        message, said, place = found
        causes = [
            one for one in case.ask() if one.level in ("E", "W") and place_among_causes(one.rule) < len(STOPS_LEARNING)
        ]
        if not causes:
            return
        listed = "; ".join(f"{one.rule} line {one.line}: {one.message}" for one in causes[:MOST_CAUSES])
        first = causes[0]
        yield self.finding(
            place,
            level="N",
            message=message,
            evidence=f"{said}; likely causes: {listed}",
            why="a net that ends no better than one answer for all rows has learnt nothing from its inputs",
            fix=f"begin with {first.rule} on line {first.line}",
        )

    def _climbs(self, climb: Climb, losses: list[float]) -> Finding:
        n = max(3, len(losses) // 10)
        return self.finding(
            climb.place,
            level="W" if climb.is_error else "N",
            message="the update adds the gradient: it climbs the loss",
            evidence=f"the weights are changed by +{climb.rate:g} times their gradient, and the loss went "
            f"{mean_of(losses[:3]):.4g} → {mean_of(losses[-n:]):.4g} in {len(losses)} steps",
            why="the gradient points to where the loss grows, so each step makes the answers worse",
            fix=climb.fix,
        )

    @staticmethod
    def _says(facts: Facts, losses: list[float]) -> tuple[str, str, Site] | None:
        """That nothing was learnt, in a sentence and in numbers, and where; None if something was."""
        try:
            replays = replays_of(facts)
            if replays.training.n_steps < LEAST_BACKWARDS:
                raise CannotReplay("one of several trainings is short")
        except CannotReplay:
            n = max(3, len(losses) // 10)
            start, end = mean_of(losses[:3]), mean_of(losses[-n:])
            has_failed = not math.isfinite(end) or (start > 0 and end >= NOT_LEARNT * start)
            went = f"the loss went {start:.4g} → {end:.4g} in {len(losses)} steps"
            return (STANDS, went, facts.backwards[-1].site) if has_failed else None
        training = replays.training
        if training.end < NOT_LEARNT * replays.base:
            return None
        constant = f"; one answer for all rows costs {replays.constant:.4g}" if replays.constant is not None else ""
        has_fallen = training.end < NOT_LEARNT * training.start
        return (
            NO_BETTER if has_fallen else STANDS,
            f"the loss went {training.says()} in {training.n_steps} steps{constant}",
            training.batches[-1][-1].site,
        )

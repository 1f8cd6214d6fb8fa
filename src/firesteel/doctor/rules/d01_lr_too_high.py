"""D01: learning rate too high."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import change_of_lr
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import TROUBLE, Trouble, has_exploded, trouble_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.trainings import Training, main_training

#: Where the replay itself learns, the run must have ended so much above the best constant answer.
WORSE = 1.2


class LrTooHigh(Rule):
    id: ClassVar[str] = "D01"
    title: ClassVar[str] = "learning rate too high"
    level: ClassVar[Level] = "E"
    consequence_of: ClassVar[tuple[str, ...]] = ("O01", "O02", "O03", "O05", "O08", "G01", "S03", "S04")
    asks_causes_first: ClassVar[bool] = True
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "Each step overshoots: the loss jumps, rises or becomes NaN, or the first steps throw the net so far off that "
        "all its units are dead and the loss stays at what guessing costs."
    )
    detected: ClassVar[str] = (
        "A training that ends no better than half way from the best constant answer, or whose loss over the last half "
        "was on average no better than that answer, or still on its way back from far above it, is replayed on "
        "copies: the captured batches, the same optimizer, the same first weights, once as it was and once with "
        "a tenth and a hundredth of the learning rate. It is an error if the replay fails as the run did and the "
        "lower rate ends far lower on rows that were not trained on."
    )
    silent: ClassVar[str] = (
        "Trainings that learn, however large the number; trainings that a lower rate would not have helped; scripts "
        "that compare several rates. Where inputs or targets off scale explain the failure, these are named instead."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1.0)
for epoch in range(100):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("lr=1.0", "lr=0.01")

    def judge(self, case: Case) -> Iterable[Finding]:
        try:
            training = main_training(case.facts)
            if not case.probes:
                raise CannotReplay("replays were not wanted, or their time was spent")
            trouble = trouble_of(case.facts)
        except CannotReplay as reason:
            yield from self._without_replay(case, str(reason))
            return
        if trouble is not None and trouble.cure is not None and trouble.cure.lr_factor < 1:
            yield from self._describe(case, training, trouble)
        elif trouble is not None and trouble.cure is None and has_exploded(training):
            yield self._explosion(case, training, trouble.says_run())

    def _describe(self, case: Case, training: Training, trouble: Trouble) -> Iterable[Finding]:
        assert trouble.cure is not None
        if not trouble.is_reproduced and trouble.relative >= TROUBLE:
            is_scaled = any(one.is_scaled for one in case.facts.backwards)
            is_worse = trouble.replays.constant is not None and trouble.relative >= WORSE
            if is_scaled or not math.isfinite(training.end) or not is_worse:
                return
        lower = training.lr * trouble.cure.lr_factor
        yield self.finding(
            training.place,
            level="E" if trouble.is_reproduced and trouble.relative >= TROUBLE else "W",
            message=f"the learning rate {training.lr:g} is too high for this training",
            evidence=f"{trouble.says_run()}{_restless(trouble)}; {trouble.says()} (lr {lower:g})",
            why="steps overshoot, so that the loss jumps about or the net is thrown into a dead end",
            fix=change_of_lr(case.sources, training, lower),
        )

    def _without_replay(self, case: Case, reason: str) -> Iterable[Finding]:
        training = self._training(case.facts, reason)
        if not has_exploded(training):
            raise NotApplicable(f"nothing was replayed: {reason}")
        yield self._explosion(case, training, f"not replayed because {reason}")

    def _explosion(self, case: Case, training: Training, more: str) -> Finding:
        highest = training.exploded * training.start
        return self.finding(
            training.place,
            level="W",
            message=f"the loss explodes with the learning rate {training.lr:g}",
            evidence=f"the loss grew from {training.start:.4g} to {highest:.4g} and did not come down again; {more}",
            why="steps overshoot, each further than the one before",
            fix=change_of_lr(case.sources, training, training.lr / 10),
        )

    @staticmethod
    def _training(facts: Facts, reason: str) -> Training:
        try:
            return main_training(facts)
        except CannotReplay:
            raise NotApplicable(f"nothing was replayed: {reason}") from None


def _restless(trouble: Trouble) -> str:
    """How the loss jumped where it did not end high."""
    if trouble.relative >= TROUBLE:
        return ""
    late = trouble.training.curve[trouble.training.n_steps // 2 :]
    return f", and in its last half it lay between {min(late):.4g} and {max(late):.4g}"

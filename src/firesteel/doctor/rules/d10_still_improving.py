"""D10: stopped while still improving."""

from __future__ import annotations

import ast
import math
import statistics
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.changes import AS_IT_WAS, Change
from firesteel.doctor.curves import Curve
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import loop_of_epochs
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import trouble_of
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.rules.rule import STOPS_LEARNING, Case, NotApplicable, Rule
from firesteel.doctor.trainings import Training, main_training

LEAST_STEPS = 15
N_TIMES = 4
#: Over the last half the loss fell by so much of itself, and by so many times the noise.
STILL_FALLS, BEYOND_NOISE = 0.02, 2.0
#: The last half of so few is too little to see that.
FEW_STEPS = 100
#: It has so much of what the best constant answer costs left, and the replay with more steps ends so much lower.
LEFT, LOWER = 0.3, 0.7
#: Or clearly lower, having come so many times as far: the training had hardly begun.
CLEARLY, TIMES_AS_FAR = 0.85, 2.0
#: A schedule that has come to its end says that the end is meant.
LEAST_LR = 0.3


class StillImproving(Rule):
    id: ClassVar[str] = "D10"
    title: ClassVar[str] = "stopped while still improving"
    level: ClassVar[Level] = "N"
    consequence_of: ClassVar[tuple[str, ...]] = tuple(one for tier in STOPS_LEARNING for one in tier)
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = "The training ended while its loss was still falling; more epochs would have made it better."
    detected: ClassVar[str] = (
        "The loss fell over the last half of the steps by more than its noise, much of it is left, and a replay on "
        "copies with four times the steps ends far lower on rows that were not trained on."
    )
    silent: ClassVar[str] = (
        "Losses that have levelled off; schedules that have come to their end; runs of a few steps; runs in which "
        "something was found that keeps a net from learning: that comes first."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(512, 8)
y = (x[:, 0] + x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
for epoch in range(3):
    for rows in torch.randperm(512).split(64):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("range(3)", "range(60)").replace("lr=0.002", "lr=0.02")

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.facts.stopped:
            raise NotApplicable("the script was stopped before its end")
        try:
            training = main_training(case.facts)
            if training.n_steps < LEAST_STEPS:
                raise CannotReplay(f"there were only {training.n_steps} steps")
            fall = _fall(training)
            if fall is None or training.lrs[-1] < LEAST_LR * training.lr:
                return
            if not case.probes:
                raise CannotReplay("replays were not wanted, or their time was spent")
            replays = replays_of(case.facts)
            if training.end < LEFT * replays.base:
                return
            trouble = trouble_of(case.facts)
            if trouble is not None and trouble.cure is not None and trouble.cure.lr_factor <= 1:
                return  # what hinders it is named
            now = replays.curve(AS_IT_WAS)
            if trouble is not None and trouble.longer is not None and _ends_alike(now, trouble.longer):
                return  # not even longer than is asked for here
            longer = replays.curve(Change(n_times=N_TIMES))
        except CannotReplay as reason:
            raise NotApplicable(f"nothing was replayed: {reason}") from None
        if _ends_alike(now, longer):
            return
        line, text = _loop(case, training)
        yield self.finding(
            (case.sources.of(training.batches[0][0].site), line),
            message="the training stopped while its loss was still falling",
            evidence=f"the loss went {training.says()} in {training.n_steps} steps, by {fall:.1%} from half to half; "
            f"replayed on copies it goes {now.says()} in as many steps, {longer.says()} in {longer.n_steps}",
            why="more epochs would have made it better",
            fix=f"let it run longer: {text}",
        )


def _ends_alike(now: Curve, longer: Curve) -> bool:
    lower = longer.best_relative / max(now.best_relative, 1e-12)
    is_farther = longer.start - longer.best > TIMES_AS_FAR * (now.start - now.best)
    return lower > (CLEARLY if is_farther else LOWER)


def _fall(training: Training) -> float | None:
    """By how much of itself the loss fell over the last half; None where that is nothing, or noise.

    Of a run of few steps, whose last half is mostly noise, over the whole.
    """
    tail = training.curve[-(training.n_steps // 2) :]
    if len(tail) < 2 * 3 - 1 or not all(math.isfinite(one) for one in tail):
        return None
    fell = _fall_over(tail)
    return _fall_over(training.curve) if fell is None and training.n_steps < FEW_STEPS else fell


def _fall_over(curve: tuple[float, ...]) -> float | None:
    half = len(curve) // 2
    before, after = curve[:half], curve[half:]
    fell = statistics.fmean(before) - statistics.fmean(after)
    spread = statistics.pstdev(curve) / math.sqrt(max(half, 1))
    level = abs(statistics.fmean(before)) or 1.0
    is_clear = fell > STILL_FALLS * level or fell > BEYOND_NOISE * spread
    return fell / level if fell > 0 and is_clear else None


def _loop(case: Case, training: Training) -> tuple[int, str]:
    """The line of the loop over epochs, and how to change it."""
    site = training.batches[0][0].site
    loop = loop_of_epochs(case.sources.of(site), site.line)
    if loop is None:
        return site.line, "more epochs"
    shown = case.sources.of(site).text_of(loop.iter if isinstance(loop, ast.For) else loop.test)
    return loop.lineno, f"`{shown}` is where its length is set"

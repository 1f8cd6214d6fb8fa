"""Updates that add the gradient, while the loss rises."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firesteel.doctor.baselines import question_of
from firesteel.doctor.facts import Facts
from firesteel.doctor.reexecuting import CannotReplay, Expression
from firesteel.doctor.sites import Site
from firesteel.doctor.trainings import LAST_SHARE, LAST_STEPS, mean_of, updates_by_hand

#: The loss has grown to so many times what it was.
GREW = 1.1


@dataclass(frozen=True)
class Climb:
    """Where the gradient is added, and times what."""

    place: Site
    rate: float
    is_error: bool  # the loss is known to be the distance of answers from targets: nobody wants it to grow
    fix: str


def climb_of(facts: Facts) -> Climb | None:
    """The update that climbs a loss which is above 0 and grows; None where there is none, or some go down."""
    losses = facts.curve()
    if len(losses) < LAST_STEPS or not losses[0] > 0 or min(losses) <= 0:
        return None
    begun, end = mean_of(losses[:LAST_STEPS]), mean_of(losses[-max(LAST_STEPS, int(LAST_SHARE * len(losses))) :])
    if not math.isfinite(begun) or end <= GREW * begun:
        return None
    if facts.n_steps:
        return _by_optimizer(facts)
    updates = updates_by_hand(facts)
    if not updates or any(rate > 0 for _, rate in updates):
        return None
    made, rate = updates[0]
    fix = "take the gradient away instead: `w -= lr * w.grad`"
    return Climb(made.site, -rate, _is_error(facts), fix)


def _by_optimizer(facts: Facts) -> Climb | None:
    used = [one for one in facts.optimizers if one.n_steps > 0]
    if not used or not all(one.defaults.get("maximize") for one in used) or not _is_error(facts):
        return None
    place = used[0].site or facts.steps[0].site
    return Climb(place, float(used[0].defaults.get("lr", 0.0)), True, "leave out `maximize=True`")


def _is_error(facts: Facts) -> bool:
    """What was trained on compares answers with targets, as far as that is known."""
    learns = [one for one in facts.params if one.initial is not None]
    made = next((one.made for one in facts.backwards if one.made is not None), None)
    try:
        return made is not None and question_of(Expression(made, learns)) is not None
    except CannotReplay:
        return False

"""The trainings of a run: one optimizer (or one line that updates by hand), its steps, and its loss step by step."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import Any

from firesteel.doctor.facts import Backward, Facts, Made, Optimizer, Param, Step
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.sites import Site
from firesteel.doctor.updates import steps_of

#: The end of a training is the mean of so large a part of its steps, and of at least so many.
LAST_SHARE = 0.1
LAST_STEPS = 3
#: A range test raises the learning rate at almost every one of its steps, to so many times the first in all.
LEAST_RANGE, RANGE, RISING = 8, 30.0, 0.9
#: A training of so many times the steps of the first, by weights of its own, stands for the run rather than that one.
FAR_LONGER = 2.0


@dataclass(frozen=True, eq=False)
class Training:
    """One training that stands for the run: that of the only optimizer, or the first of several equal ones."""

    optimizer: Optimizer | None  # None where the update is written by hand
    params: tuple[Param, ...]
    batches: tuple[tuple[Backward, ...], ...]  # of the steps that were looked at, the backwards that each used
    curve: tuple[float, ...]  # the mean of its losses, step by step
    lrs: tuple[float, ...]  # step by step
    place: Site  # where the optimizer was created, or the update by hand
    kind: str  # "Adam"; "SGD" where the update is written by hand
    settings: dict[str, Any]
    clipping: tuple[str, float] | None = None  # "clip_grad_norm_" or "clip_grad_value_", and its limit
    step: int = 0  # of the run, at its first step
    is_again: bool = False  # something before it trained the same weights

    @property
    def n_steps(self) -> int:
        return len(self.curve)

    @property
    def lr(self) -> float:
        """The highest that was used."""
        return max(self.lrs, default=0.0)

    @property
    def start(self) -> float:
        return self.curve[0]

    @property
    def end(self) -> float:
        """The mean of the last tenth; infinite where one of it is no number."""
        n = max(LAST_STEPS, int(LAST_SHARE * len(self.curve)))
        return mean_of(self.curve[-n:])

    @property
    def fell(self) -> float:
        """By what share of its first value the loss came down; infinite where it is no number."""
        return 1 - self.end / self.start if math.isfinite(self.end) and self.start > 0 else math.inf

    @property
    def exploded(self) -> float:
        """To how many times its first value the loss had grown at its highest."""
        finite = [one for one in self.curve if math.isfinite(one)]
        return max(finite) / self.start if finite and self.start > 0 else 1.0

    @property
    def late(self) -> float:
        """The mean of the last half."""
        return mean_of(self.curve[len(self.curve) // 2 :])

    @property
    def has_recovered(self) -> bool:
        return self.end < self.start

    def says(self) -> str:
        """First and last loss: "2.30 → 0.05"."""
        return f"{self.start:.4g} → {self.end:.4g}"


class Compares(CannotReplay):
    """The same training with several settings: some of them are meant to fail."""


class TestsRates(Compares):
    """A range test: the learning rate rises until the loss does."""


def mean_of(values: Any) -> float:
    """The mean; infinite where one is no number."""
    values = list(values)
    if not values or not all(math.isfinite(one) for one in values):
        return math.inf
    return statistics.fmean(values)


def main_training(facts: Facts) -> Training:
    """The training that stands for the run.

    Raises:
        CannotReplay: there is none, or several go on at once.
        TestsRates: there is only a search for a learning rate.
    """
    if not facts.backwards:
        raise CannotReplay("no backward was seen")
    used = [one for one in facts.optimizers if one.n_steps > 0]
    if not used:
        return _by_hand(facts)
    spans = {id(one): [step.at for step in steps_of(facts, one)] for one in used}
    used = [one for one in used if spans[id(one)]]
    if not used:
        raise CannotReplay("no step of an optimizer was seen")
    used.sort(key=lambda one: spans[id(one)][0])
    lasting = [one for one in used if not _tests_rates(facts, one)]
    if not lasting:
        raise TestsRates("the learning rate only rises: a range test")
    for before, after in itertools.pairwise(lasting):
        if spans[id(after)][0] < spans[id(before)][-1]:
            raise CannotReplay("several optimizers take turns")
    chosen = _that_matters(lasting)
    if len({_lr_of(one) for one in lasting if one.site is chosen.site}) > 1:
        raise Compares("the script compares several learning rates")
    weights = {id(param) for one in used[: used.index(chosen)] for param in one.params}
    return _of_optimizer(facts, chosen, is_again=any(id(one) in weights for one in chosen.params))


def _that_matters(used: list[Optimizer]) -> Optimizer:
    """The first, unless a far longer one trains other weights, of which the first values were kept."""
    first = used[0]
    known = {id(param) for param in first.params}
    others = [
        one
        for one in used[1:]
        if one.n_steps > FAR_LONGER * first.n_steps
        and not any(id(param) in known for param in one.params)
        and any(param.initial is not None for param in one.params)
    ]
    return max(others, key=lambda one: one.n_steps, default=first)


def _tests_rates(facts: Facts, optimizer: Optimizer) -> bool:
    """Its learning rate rises to many times what it was, step by step to the end."""
    lrs = [step.lrs[0] for step in steps_of(facts, optimizer) if step.lrs]
    if len(lrs) < LEAST_RANGE or lrs[0] <= 0 or lrs[-1] < RANGE * lrs[0]:
        return False
    pairs = list(itertools.pairwise(lrs))
    return all(b >= a for a, b in pairs) and sum(b > a for a, b in pairs) >= RISING * len(pairs)


def _lr_of(optimizer: Optimizer) -> float:
    return float(optimizer.defaults.get("lr", 0.0))


def _of_optimizer(facts: Facts, optimizer: Optimizer, *, is_again: bool) -> Training:
    steps = steps_of(facts, optimizer)
    if any(step.has_closure for step in steps):
        raise CannotReplay("the optimizer is given a closure")
    if any(len(set(step.lrs)) > 1 for step in steps):
        raise CannotReplay("groups of parameters have learning rates of their own")
    if sum(step.n_stale > 0 for step in steps) > len(steps) / 2:
        raise CannotReplay("gradients were applied again and again")
    curve, lrs, batches, before = [], [], [], 0
    scale = _scale_of(facts)
    start = max((step.at for step in facts.steps if step.at < steps[0].at), default=0)
    backwards = iter([one for one in facts.backwards if start < one.at <= steps[-1].at])
    pending: list[Backward] = []
    waiting = next(backwards, None)
    for step in steps:
        while waiting is not None and waiting.at < step.at:
            if waiting.at > before:
                pending.append(waiting)
            waiting = next(backwards, None)
        losses = [float(one.loss) / scale for one in pending if one.loss is not None]
        if losses:
            curve.append(sum(losses) / len(losses))
            lrs.append(step.lrs[0] if step.lrs else 0.0)
        if pending and all(one.made is not None for one in pending):
            batches.append(tuple(pending))
        pending, before = [], step.at
    if not curve:
        raise CannotReplay("the losses are no single numbers")
    return Training(
        optimizer=optimizer, params=tuple(optimizer.params), batches=tuple(batches), curve=tuple(curve),
        lrs=tuple(lrs), place=optimizer.site or steps[0].site, kind=optimizer.kind, settings=dict(optimizer.defaults),
        clipping=_clipping(facts, steps), step=sum(one.at < steps[0].at for one in facts.steps), is_again=is_again,
    )  # fmt: skip


def _scale_of(facts: Facts) -> float:
    """By what a GradScaler multiplied the losses."""
    for one in facts.backwards:
        if one.is_scaled:
            if one.made is None or one.loss is None or not one.made.parents or one.made.parents[0].value is None:
                raise CannotReplay("the losses were scaled, by what was not seen")
            plain = float(one.made.parents[0].value.float().mean())
            return float(one.loss) / plain if plain else 1.0
    return 1.0


def _clipping(facts: Facts, steps: list[Step]) -> tuple[str, float] | None:
    for call in facts.calls:
        if call.name.startswith("clip_grad") and steps[0].at > call.at and "limit" in call.details:
            return call.name, float(call.details["limit"])
    return None


# ---- updates by hand


def _by_hand(facts: Facts) -> Training:
    updates = [found for found in updates_by_hand(facts) if found[1] > 0]
    if not updates:
        raise CannotReplay("no optimizer was used, and no update of a parameter by its gradient was seen")
    lr = max(lr for _, lr in updates)
    backwards = [one for one in facts.backwards if one.loss is not None]
    params = tuple(one for one in facts.params if one.initial is not None)
    if any(2 * one.n_stale_by_hand > one.n_by_hand > 2 for one in params):
        raise CannotReplay("gradients were applied again and again")
    curve = tuple(float(one.loss) for one in backwards)
    if not curve:
        raise CannotReplay("the losses are no single numbers")
    return Training(
        optimizer=None, params=params, batches=tuple((one,) for one in backwards if one.made is not None), curve=curve,
        lrs=(lr,) * len(curve), place=updates[0][0].site, kind="SGD", settings={"lr": lr},
    )  # fmt: skip


def updates_by_hand(facts: Facts) -> list[tuple[Made, float]]:
    """Where gradients are taken from weights, and times what; below 0 where they are added."""
    return [found for made in facts.ops if (found := _update(made)) is not None]


def _update(made: Made) -> tuple[Made, float] | None:
    """`w -= lr * w.grad` in one of its forms, and its lr."""
    if made.op not in ("sub", "add") or not made.args or not isinstance(made.args[0], Made):
        return None
    if not _is_weight(made.args[0]):
        return None
    sign = 1.0 if made.op == "sub" else -1.0
    change = made.args[1] if len(made.args) > 1 else made.kwargs.get("other")
    alpha = made.kwargs.get("alpha", 1.0)
    if not isinstance(change, Made):
        return None
    lr = _rate(change)
    return None if not lr else (made, sign * alpha * lr)


def _is_weight(made: Made) -> bool:
    return made.op == "parameter" or (
        made.op in ("get_data", "detach") and bool(made.parents) and _is_weight(made.parents[0])
    )


def _rate(change: Made) -> float | None:
    is_asked = change.op == "part" and bool(change.parents) and change.parents[0].op == "grad"
    if change.op in ("get_grad", "grad") or is_asked:
        return 1.0
    if change.op == "neg" and change.parents:
        inner = _rate(change.parents[0])
        return None if inner is None else -inner
    if change.op in ("mul", "rmul"):
        numbers = [one for one in change.args if isinstance(one, int | float)]
        if len(numbers) == 1 and len(change.parents) == 1:
            inner = _rate(change.parents[0])
            return None if inner is None else float(numbers[0]) * inner
    if change.op in ("get_data", "detach", "clone") and change.parents:
        return _rate(change.parents[0])
    return None

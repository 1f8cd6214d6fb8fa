"""What would have helped a training that learnt little: its captured steps replayed with one thing changed."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import torch

from firesteel.doctor.changes import AS_IT_WAS, Change
from firesteel.doctor.curves import Curve
from firesteel.doctor.facts import Facts
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.replaying import Replays, replays_of
from firesteel.doctor.scales import columns_of, target_scale
from firesteel.doctor.trainings import Training, main_training

#: A training is in trouble if it ends with at least so much of what the best constant answer costs.
TROUBLE = 0.5
#: A change cures if it ends with at most so much of that, and of what the run and its replay end with.
CURED, OF_THE_RUN, OF_THE_REPLAY = 0.7, 0.6, 0.7
#: Of two cures the one named first counts unless the other ends with so much less.
ROOM, LEAST = 1.5, 0.02
#: A run that ends so far above the best constant answer is wild, and tame at the other.
WILD, TAME = 5.0, 2.5
#: A first loss so many times that of the best constant answer is a matter of scale, whatever a lower rate would do.
FAR = 10.0
#: A loss that grows by so much explodes.
GROWTH = 1_000.0
#: Trainings of fewer steps are not judged.
LEAST_STEPS = 10
#: A training is stuck, not only short, if so many times its steps do not help.
N_TIMES = 10
#: A loss that has come down by so much of itself has not stood still for too low a rate.
MOVED = 0.4
#: A restless training is calmed by a rate that ends at so much of the best constant answer and of the replay as it was.
CALM = 0.2
#: It is restless if over its last half it costs on average so much of the best constant answer.
RESTLESS = 0.3
#: Or it was thrown so many times that from where it began, and is not yet back.
THROWN = 1.5
#: A replay learns below so much of what the best constant answer costs; another does clearly less if it stays behind
#: by so much of the way.
LEARNS, CLEARLY = 0.95, 0.2
#: Weight decay that shrinks the weights by less in the whole run is not the reason.
LITTLE_DECAY = 0.02
#: A replay that never went farther than so much of that from where it began makes no steps that are too long.
STANDS = 0.02
#: Where that and the run stood still, a higher rate cures that learns so much of rows that were not trained on.
LEARNT, HARDLY = 0.85, 0.05
#: No learning rate beyond this is tried.
HIGHEST_LR = 10.0
#: Inputs are off scale if a column has numbers of this size or beyond, or if all are below the other.
LARGE, SMALL = 10.0, 0.03
LARGE_TARGETS = 10.0

LOWER = (Change(lr_factor=0.1), Change(lr_factor=0.01), Change(lr_factor=0.001))
HIGHER = tuple(Change(lr_factor=10.0**n) for n in range(1, 7))
INPUTS = Change(scales_inputs=True)
TARGETS = Change(scales_targets=True)
BOTH = Change(scales_inputs=True, scales_targets=True)
NO_DECAY = Change(drops_decay=True)

_KNOWN: weakref.WeakKeyDictionary[Facts, Trouble | CannotReplay | None] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Trouble:
    """A training that learnt little, and the change that would have helped."""

    replays: Replays
    control: Curve  # the replay without any change
    cure: Change | None = None
    cured: Curve | None = None
    longer: Curve | None = None  # the replay with more steps, where a higher lr would have helped

    @property
    def training(self) -> Training:
        return self.replays.training

    @property
    def relative(self) -> float:
        """The end of the run, as a share of what the best constant answer costs."""
        return self.training.end / self.replays.base

    @property
    def is_reproduced(self) -> bool:
        """The replay without a change is in trouble, too."""
        return self.control.relative >= TROUBLE

    @property
    def is_explained(self) -> bool:
        """Another learning rate or scale would have helped, or the loss exploded: what else is seen comes of that."""
        return self.cure is not None or has_exploded(self.training)

    def says(self) -> str:
        """Both curves, in numbers."""
        assert self.cured is not None
        n = f"{self.control.n_steps} steps over {len(self.replays.batches)} captured batches"
        held = ", measured on rows that were not trained on" if self.control.is_held_out else ""
        return f"replayed on copies ({n}{held}): as it is {self.control.says()}, so changed {self.cured.says()}"

    def says_run(self) -> str:
        """The run's own curve, and what it is worth."""
        constant = self.replays.constant
        least = f"; the best constant answer costs {constant:.4g}" if constant is not None else ""
        end = self.training.end
        went = self.training.says() if math.isfinite(end) else f"{self.training.start:.4g} → not finite"
        return f"the loss went {went} in {self.training.n_steps} steps{least}"


def trouble_of(facts: Facts) -> Trouble | None:
    """The trouble of the training that stands for the run; None where it learnt. Looked at once.

    Raises:
        CannotReplay: it cannot be said, as its steps cannot be computed again.
    """
    if facts not in _KNOWN:
        try:
            _KNOWN[facts] = _look(facts)
        except CannotReplay as reason:
            _KNOWN[facts] = reason
    found = _KNOWN[facts]
    if isinstance(found, CannotReplay):
        raise CannotReplay(str(found))
    return found


def has_exploded(training: Training) -> bool:
    """The loss grew a thousandfold, and did not come down again."""
    return training.exploded >= GROWTH and not training.has_recovered


def _look(facts: Facts) -> Trouble | None:
    training = main_training(facts)
    if training.n_steps < LEAST_STEPS:
        raise CannotReplay(f"there were only {training.n_steps} steps")
    replays = replays_of(facts)
    if replays.constant is None and min(training.curve) <= 0:
        raise CannotReplay("it is not known below what its loss would be good, as it is negative at times")
    if training.end < TROUBLE * replays.base:
        is_restless = replays.constant is not None and training.late >= RESTLESS * replays.constant
        return _calmed(replays) if is_restless else None
    trouble = Trouble(replays, replays.curve(AS_IT_WAS))
    return _with_cure(trouble)


def _calmed(replays: Replays) -> Trouble | None:
    """Over its last half the loss was on average no better than guessing, wherever it ended: it jumps about.

    Or it was thrown far above guessing, and is still on its way back.
    None unless a lower rate ends far below the replay as it was, and that one is as restless.
    """
    assert replays.constant is not None
    control = replays.curve(AS_IT_WAS)
    is_wild = replays.training.late >= replays.constant
    is_thrown = control.moved >= THROWN and control.best_relative >= RESTLESS
    for change in LOWER[:2]:
        curve = replays.curve(change)
        is_calm = curve.best_relative <= CALM and curve.end <= CALM * control.end
        if is_calm and (control.relative >= TROUBLE if is_wild else is_thrown):
            return Trouble(replays, control, change, curve)
    return None


def _with_cure(trouble: Trouble) -> Trouble:
    replays = trouble.replays
    targets, inputs = targets_off_scale(replays) is not None, inputs_off_scale(replays) is not None
    scales = [TARGETS] * targets + [INPUTS] * inputs + [BOTH] * (targets and inputs)
    scales += [NO_DECAY] * may_be_held_by_decay(trouble.training)
    rates = list(LOWER[:2] if trouble.relative < WILD else LOWER) if trouble.control.moved > STANDS else []
    if trouble.is_reproduced and trouble.training.lr > 0 and trouble.training.fell <= MOVED:
        rates += [one for one in HIGHER if trouble.training.lr * one.lr_factor <= HIGHEST_LR]
    best = _best_of(trouble, scales, None)
    if best is None or trouble.training.start < FAR * replays.base:
        best = _best_of(trouble, rates, best)
    if best is None:
        return trouble
    longer = None
    if best[0].lr_factor > 1:
        longer = replays.curve(Change(n_times=N_TIMES))
    return Trouble(replays, trouble.control, *best, longer)


def may_be_held_by_decay(training: Training) -> bool:
    """Weight decay shrinks the weights by something, or is part of an adaptive gradient, where that is not known."""
    decay = float(training.settings.get("weight_decay") or 0.0)
    if not decay or training.kind not in ("AdamW", "SGD"):
        return decay > 0
    return decay * sum(training.lrs) > LITTLE_DECAY * (1 - float(training.settings.get("momentum") or 0.0))


def _best_of(trouble: Trouble, changes: list[Change], best: tuple[Change, Curve] | None) -> tuple[Change, Curve] | None:
    """The change that cures best, if that is clearly better than the best so far."""
    before: dict[bool, Curve] = {}
    for change in changes:
        if best is not None and best[1].best_relative <= LEAST:
            break
        way = change.lr_factor > 1
        if change.lr_factor != 1 and way in before and _is_past(trouble.control, before[way]):
            continue
        try:
            curve = trouble.replays.curve(change)
        except CannotReplay:
            continue
        before[way] = curve
        if way and best is not None and best[0].lr_factor > 1 and curve.best_relative > best[1].best_relative:
            break
        is_best = best is None or ROOM * curve.best_relative + LEAST < best[1].best_relative
        if is_best and _cures(trouble, change, curve):
            best = change, curve
    return best


def _is_past(control: Curve, before: Curve) -> bool:
    """A further rate of this kind will not do: the replay as it was learns, and this one did clearly less."""
    learnt = control.start - control.best
    return control.best_relative < LEARNS and before.best > control.best + CLEARLY * learnt


def _cures(trouble: Trouble, change: Change, curve: Curve) -> bool:
    if change.lr_factor < 1 and _tames(trouble, curve):
        return True
    if change.lr_factor > 1 and _stands(trouble) and curve.is_held_out and curve.best_relative <= LEARNT:
        return True
    return cures(trouble, curve)


def cures(trouble: Trouble, curve: Curve) -> bool:
    """It ends far lower than the run and its replay."""
    against = trouble.control.relative if trouble.is_reproduced else math.inf
    most = min(CURED, OF_THE_RUN * trouble.relative, OF_THE_REPLAY * against)
    return curve.best_relative <= most


def _stands(trouble: Trouble) -> bool:
    """The replay as it was, and the run, stayed where they began: nothing was learnt that could be compared."""
    is_known = trouble.replays.constant is not None
    return is_known and trouble.control.moved <= STANDS and trouble.training.fell <= HARDLY


def _tames(trouble: Trouble, curve: Curve) -> bool:
    """Run and replay end far above any constant answer; with the change the loss is a tenth of that at most."""
    worst = min(trouble.relative, trouble.control.relative)
    return worst >= WILD and curve.relative <= min(worst / 10, TAME)


# ---- scales


@dataclass(frozen=True)
class Scale:
    """How large the numbers of some columns are."""

    smallest: float  # of the columns' sizes
    largest: float
    n_columns: int
    column: int  # the largest, from 0


def inputs_off_scale(replays: Replays) -> Scale | None:
    """The scale of the first input that has columns of tens and more, or only tiny ones."""
    expressions = [one for batch in replays.batches for one in batch.losses]
    for column in zip(*replays.inputs(), strict=False):
        rows = columns_of([one.data_of(made) for one, made in zip(expressions, column, strict=True)])
        sizes = rows.double().square().mean(0).sqrt()
        sizes = sizes[torch.isfinite(sizes) & (sizes > 0)]
        if not len(sizes):
            continue
        scale = Scale(float(sizes.min()), float(sizes.max()), rows.shape[1], int(sizes.argmax()))
        if scale.largest >= LARGE or scale.largest <= SMALL:
            return scale
    return None


def targets_off_scale(replays: Replays) -> Scale | None:
    """The scale of regression targets that are tens and more in size."""
    pairs = replays.questions()
    if not pairs or not all(question.is_regression for _, question in pairs):
        return None
    targets = [one.data_of(two.target) for one, two in pairs]
    if any(one.dim() == 0 or one.shape[1:] != targets[0].shape[1:] for one in targets):
        return None
    mean, std = target_scale(targets)
    sizes = (mean.square() + std.square()).sqrt().reshape(-1)
    if not len(sizes) or not bool(torch.isfinite(sizes).all()) or float(sizes.max()) < LARGE_TARGETS:
        return None
    return Scale(float(sizes.min()), float(sizes.max()), len(sizes), int(sizes.argmax()))

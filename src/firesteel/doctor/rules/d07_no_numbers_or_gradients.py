"""D07: NaN, infinite, vanishing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

import torch

from firesteel.doctor.captures import is_layer_output
from firesteel.doctor.changes import AS_IT_WAS, Change
from firesteel.doctor.curves import Curve
from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import in_order
from firesteel.doctor.nonfinite import Origin, backward_origin, forward_origin, has_bad_data, is_bad_at_end
from firesteel.doctor.places import site_of_init
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import CURED, LOWER, OF_THE_REPLAY, Trouble, cures, trouble_of
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.trainings import Compares, TestsRates, main_training
from firesteel.doctor.updates import are_gradients_stale

#: The first layer moves by so much less, for its size, than the last: with a cure, and without.
VANISHED, HARDLY = 1e-3, 1e-4
#: A training failed if its loss ends with so much of what the best constant answer costs.
FAILED = 0.9
LEAST_SATURATING = 3
_SATURATING = ("sigmoid", "tanh", "softsign", "logsigmoid")
_FIXES = {
    "sqrt": "add a small number below the root: torch.sqrt(x + 1e-8)",
    "log": "keep the argument away from 0: torch.log(x.clamp_min(1e-8)), or a loss that takes logits",
    "div": "add a small number to the divisor: x / (y + 1e-8)",
    "exp": "subtract the maximum first, or take torch.logsumexp, softmax or a loss that takes logits",
    "pow": "keep the base away from 0: (x + 1e-8) ** p",
    "norm": "add a small number below the root: (x.square().sum(1) + 1e-8).sqrt()",
    "std": "the standard deviation of one or of equal numbers: x.var(...).add(1e-8).sqrt()",
}


class NoNumbersOrGradients(Rule):
    id: ClassVar[str] = "D07"
    title: ClassVar[str] = "NaN, infinite or vanishing"
    level: ClassVar[Level] = "E"
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "A logarithm of 0, a root whose slope at 0 is infinite, an exponential that overflows: one such number makes "
        "all weights NaN at the next step. Weights that begin far too large "
        "make numbers explode. And in a deep stack of sigmoids gradients shrink layer by layer until the "
        "first layers stand still."
    )
    detected: ClassVar[str] = (
        "Where the last losses are no numbers: the first operation that made a bad number of good ones, or, in a "
        "replay on copies, the first whose gradient is bad although the one that came to it was good. Where the loss "
        "is no better than the best constant answer and the first layer's gradient is a thousandth of the last one's: "
        "a replay with ReLUs in place of the saturating activations. Where weights begin three times too large, or a "
        "twentieth, to keep numbers at their size: a replay with such weights scaled."
    )
    silent: ClassVar[str] = (
        "Masks of minus infinity; single bad losses that training got over; data that hold NaN (S07) and learning "
        "rates that explode (D01), which are named themselves; deep nets that learn."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
one, other = torch.randn(64, 4), torch.randn(64, 4)
other[:8] = one[:8]
same = torch.arange(64) < 8
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(30):
    optimizer.zero_grad()
    distance = torch.sqrt((net(one) - net(other)).square().sum(1))
    loss = torch.where(same, distance, (1 - distance).clamp_min(0)).mean()
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(".sum(1))", ".sum(1) + 1e-8)")

    def judge(self, case: Case) -> Iterable[Finding]:
        if not case.facts.backwards:
            raise NotApplicable("no backward was seen")
        if is_bad_at_end(case.facts):
            yield from self._not_finite(case)
        elif case.probes:
            found = list(self._off_scale(case))
            yield from found or self._vanishing(case)

    # ---- NaN and infinite

    def _not_finite(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if _is_range_test(facts):
            raise NotApplicable("the learning rate was raised until the loss diverged")
        if has_bad_data(facts):
            raise NotApplicable("the data themselves hold NaN or infinities")
        losses = facts.curve()
        n_bad = next(i for i, one in enumerate(losses, 1) if not math.isfinite(one))
        seen = f"the loss was no number at backward {n_bad} of {len(losses)} and stayed so"
        origin, reason = forward_origin(facts), ""
        if origin is not None and not origin.made.requires_grad:
            raise NotApplicable("the data themselves hold NaN or infinities")
        if origin is None or n_bad > 1:
            if are_gradients_stale(facts):
                raise NotApplicable("gradients that are never cleared (O01) explain it: each step is longer")
            if self._is_other_bug(case):
                return
        if origin is None:
            origin, reason = self._replayed(case)
        if origin is not None:
            yield self._describe(origin, seen)
        else:
            yield self.finding(
                facts.backwards[min(n_bad, len(facts.backwards)) - 1].site,
                level="W",
                message="the loss became NaN or infinite",
                evidence=seen + reason,
                why="from then on every weight is NaN and nothing is learnt",
                fix="torch.autograd.set_detect_anomaly(True) makes PyTorch name the operation; clip gradients",
            )

    @staticmethod
    def _replayed(case: Case) -> tuple[Origin | None, str]:
        try:
            main_training(case.facts)
            return (backward_origin(replays_of(case.facts)), "") if case.probes else (None, "")
        except Compares as why:
            raise NotApplicable(str(why)) from None
        except CannotReplay as why:
            return None, f"; not replayed because {why}"

    @staticmethod
    def _is_other_bug(case: Case) -> bool:
        """A lower learning rate or scaled data keep the numbers finite."""
        if not case.probes:
            return False
        try:
            trouble = trouble_of(case.facts)
        except CannotReplay:
            return False
        return trouble is not None and trouble.is_explained

    def _describe(self, origin: Origin, seen: str) -> Finding:
        made = origin.made
        what = "the gradient of" if origin.is_gradient else "the result of"
        how = " (on copies)" if origin.is_replayed else ""
        came = ", while the gradient that came to it was finite" if origin.is_gradient else ""
        return self.finding(
            made.creation,
            message=f"{what} `{made.op}` is NaN or infinite here",
            evidence=f"{seen}; the first bad number{how} is in {what} `{made.op}`{came}; {origin.given}",
            why="one bad number makes all weights NaN at the next step",
            fix=_FIXES.get(made.op, "keep what goes in away from where the function has no finite value or slope"),
        )

    # ---- weights

    def _off_scale(self, case: Case) -> Iterable[Finding]:
        """Weights that begin far too large or small, where the same training learns with others."""
        trouble = _unexplained(case)
        off = trouble.replays.weights_off_scale() if trouble is not None else []
        if trouble is None or not off:
            return
        try:
            cured = trouble.replays.curve(Change(scales_weights=True))
        except CannotReplay:
            return
        if not cures(trouble, cured):
            return
        worst = max(off, key=lambda one: max(one.times, 1 / one.times))
        is_large = worst.times > 1
        how, size = ("explode", "large") if is_large else ("vanish", "small")
        times = worst.times if is_large else 1 / worst.times
        which = f"{len(off)} layers" if len(off) > 1 else "a layer"
        yield self.finding(
            site_of_init(case.facts, worst.param) or worst.made.creation,
            level="E" if trouble.is_reproduced else "W",
            message=f"numbers {how}: the weights of {which} begin far too {size}",
            evidence=f"those of the shape {tuple(worst.param.shape)} are {times:.3g} times too {size} to keep what "
            f"goes in at its size; {trouble.says_run()}; replayed on copies ({cured.n_steps} steps): as it is "
            f"{trouble.control.says()}, with weights of the size 1 / sqrt(inputs) {cured.says()}",
            why="each layer, or step of time, multiplies what goes through it and the gradient that comes back",
            fix="begin with PyTorch's own weights or nn.init.kaiming_normal_; recurrent ones with nn.init.orthogonal_",
        )

    # ---- vanishing

    def _vanishing(self, case: Case) -> Iterable[Finding]:
        saturating = _saturating(case.facts)
        trouble = _unexplained(case) if len(saturating) >= LEAST_SATURATING else None
        if trouble is None:
            return
        try:
            weights = _weights(trouble)
        except CannotReplay:
            return
        layers = [(made, gradient / weight) for made, gradient, weight in weights if weight > 0 and gradient > 0]
        if len(layers) < LEAST_SATURATING:
            return
        share = layers[0][1] / layers[-1][1]
        if share > VANISHED:
            return
        cured = _with_relus(trouble)
        if cured is None and share > HARDLY:
            return
        helps = f"with ReLUs {cured.says()}" if cured is not None else "and with ReLUs it needs more steps than these"
        counts = Counter(one.creation for one in saturating)
        yield self.finding(
            _most_common(counts),
            level="E" if cured is not None else "W",
            message=f"gradients vanish in a stack of {len(saturating)} saturating activations ({saturating[0].op})",
            evidence=f"at the first step the gradient of the first layer is {layers[0][1]:.2g} of its weights, that of "
            f"the last layer {layers[-1][1]:.2g}; {trouble.says_run()}; replayed on copies "
            f"({trouble.control.n_steps} steps): as it is {trouble.control.says()}, {helps}",
            why="each sigmoid passes at most a quarter of the gradient on, so the first layers stand still",
            fix="take nn.ReLU() (or nn.GELU()) inside the net; add norms or skip connections where it is deep",
        )


def _is_range_test(facts: Facts) -> bool:
    try:
        main_training(facts)
    except TestsRates:
        return True
    except CannotReplay:
        pass
    return False


def _unexplained(case: Case) -> Trouble | None:
    """The trouble of a training that learnt nothing, which no rate and no scale of the data would have helped."""
    try:
        trouble = trouble_of(case.facts)
    except CannotReplay:
        return None
    return trouble if trouble is not None and not trouble.is_explained and trouble.relative >= FAILED else None


def _weights(trouble: Trouble) -> list[tuple[Made, float, float]]:
    """Of the weights of layers, in order, the norms of gradient and weights at the first step."""
    return [one for one in trouble.replays.gradients() if len(one[0].shape) >= 2]


def _saturating(facts: Facts) -> list[Made]:
    """The activations behind layers whose result goes on into the net, in the first graph."""
    backward = next((one for one in facts.backwards if one.made is not None), None)
    order = in_order(backward.made) if backward is not None and backward.made is not None else []
    return [one for one in order if one.op in _SATURATING and one.parents and is_layer_output(one.parents[0])]


def _with_relus(trouble: Trouble) -> Curve | None:
    """The replay with ReLUs inside, if it cures; also at lower rates, which ReLUs may need."""

    def swap(made: Made, value: torch.Tensor, first: Any) -> torch.Tensor:
        is_inside = made.op in _SATURATING and isinstance(first, torch.Tensor) and value.shape[-1] > 1
        return torch.relu(first) if is_inside else value

    for change in (AS_IT_WAS, *LOWER):
        try:
            curve = trouble.replays.curve(Change(lr_factor=change.lr_factor, swap=swap, name="relu"))
        except CannotReplay:
            continue
        if curve.best_relative <= min(CURED, OF_THE_REPLAY * trouble.control.best_relative):
            return curve
    return None


def _most_common(counts: Counter[Site]) -> Site:
    return counts.most_common(1)[0][0]

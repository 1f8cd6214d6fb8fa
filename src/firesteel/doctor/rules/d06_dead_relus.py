"""D06: dead ReLUs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.captures import Layer, is_layer_output, layers_of
from firesteel.doctor.facts import Made, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import in_order, origin
from firesteel.doctor.places import site_of_init
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import trouble_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

LEAST_ROWS = 32
MANY_ROWS = 256
LEAST_UNITS = 8
#: Rows of one call that are all the same say that it is given the same.
LEAST_ROWS_APART = 8
#: So large a share of dead units is worth a warning, where the training failed.
LARGE_SHARE = 0.8
#: A bias below this at the start is no accident of drawing.
LOW_BIAS = -0.5
#: A training failed if its loss ends with so much of what the best constant answer costs.
FAILED = 0.9


class DeadRelus(Rule):
    id: ClassVar[str] = "D06"
    title: ClassVar[str] = "dead ReLUs"
    level: ClassVar[Level] = "E"
    consequence_of: ClassVar[tuple[str, ...]] = ("L04", "O01", "D01", "D04", "D05")
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "A ReLU whose input is negative for every row gives 0 for every row and passes no gradient back: it cannot "
        "come to life again. If a whole layer is dead, the output is the same for every row and all layers before it "
        "stand still."
    )
    detected: ClassVar[str] = (
        "The outputs of each ReLU behind a layer, over the last steps that were looked at: a unit is dead if it was 0 "
        "for all rows. It is an error if all units of a layer are dead and the loss is no better than the best "
        "constant answer. Where such a layer is the output, it is to be left out."
    )
    silent: ClassVar[str] = (
        "Nets that learn although some units are dead; ReLUs in a loss (hinges and margins); layers that came to life "
        "after the start."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(256, 8)
y = (x[:, 0] > x[:, 1]).long()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
nn.init.constant_(net[0].bias, -10.0)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(30):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("nn.init.constant_(net[0].bias, -10.0)\n", "")

    def judge(self, case: Case) -> Iterable[Finding]:
        layers = [one for one in layers_of(case.facts, ("relu", "clamp")) if _is_activation(one)]
        if not layers:
            raise NotApplicable("no ReLU behind a layer was trained")
        dead = [(one, share) for one in layers if (share := _dead_share(one)) is not None]
        whole = [one for one in dead if one[1] == 1]
        for layer, share in whole or dead:
            if share >= LARGE_SHARE:
                finding = self._describe(case, layer, share)
                if finding is not None:
                    yield finding
                    return  # what comes behind a dead layer is dead by it

    def _describe(self, case: Case, layer: Layer, share: float) -> Finding | None:
        failed, has_other_cure = _has_failed(case)
        if not failed:
            return None
        found = layer.peaks(least_rows=MANY_ROWS)
        assert found is not None
        n_rows, n_units = found[1], len(found[0])
        if share < 1 and has_other_cure:
            return None
        n_dead = round(share * n_units)
        first = _dead_share(Layer(layer.op, layer.captures[:1]))
        begun = f"; at the first step {round(first * n_units)} were" if first is not None else ""
        whole = share == 1
        is_output = whole and _is_output(layer)
        fix, param = (_without(case, layer.last), None) if is_output else _cause(layer.last)
        place = (site_of_init(case.facts, param) or param.site) if param is not None else None
        return self.finding(
            place or layer.last.creation,
            level="E" if whole and not has_other_cure else "W",
            message="the ReLU at the output is dead: the net gives 0 for every row"
            if is_output
            else "all units of this ReLU are dead"
            if whole
            else f"{share:.0%} of the units of this ReLU are dead",
            evidence=f"{n_dead} of {n_units} units were 0 for all of {n_rows} rows at the last steps that were looked "
            f"at{begun}; {failed}",
            why="a unit that is 0 for every row gets no gradient and stays so",
            fix=fix,
        )


def _cause(made: Made) -> tuple[str, Param | None]:
    """What to change, and the parameter of the layer whose first values alone explain that it is dead."""
    for param in _params_below(made):
        assert param.initial is not None
        if len(param.shape) == 1 and float(param.initial.max()) < LOW_BIAS:
            return f"begin with a bias of 0, not of {float(param.initial.mean()):.3g}", param
        if len(param.shape) > 1 and float(param.initial.max()) <= 0 and param.initial.numel() >= LEAST_UNITS:
            return "begin with weights of both signs (nn.init.kaiming_normal_, or randn() * sqrt(2 / n_inputs))", param
    return "lower the learning rate, begin with a bias of 0 and PyTorch's own weights, or take nn.LeakyReLU", None


def _is_output(layer: Layer) -> bool:
    """No weight is applied to what it gives: it goes into the loss."""
    backward, made = layer.captures[-1]
    assert backward.made is not None
    behind = {id(made)}
    for one in in_order(backward.made):
        if one is not made and any(id(parent) in behind for parent in one.parents):
            behind.add(id(one))
            if any(origin(parent).param is not None and parent.requires_grad for parent in one.parents):
                return False
    return True


def _without(case: Case, made: Made) -> str:
    site = made.creation
    diff = case.sources.of(site).without(site)
    return f"{diff}\n     an output that is to be any number needs no activation; for counts take nn.Softplus()"


def _params_below(made: Made) -> list[Param]:
    """The weights and the bias of the layer in front."""
    layer = origin(made.parents[0])
    parents = [
        *layer.parents,
        *(deeper for one in layer.parents if layer.op == "add" for deeper in origin(one).parents),
    ]
    return [one.param for one in parents if one.param is not None and one.param.initial is not None]


def _is_activation(layer: Layer) -> bool:
    made = layer.last
    if made.op == "clamp" and (made.argument(1, "min") != 0 or made.argument(2, "max") is not None):
        return False
    if not made.parents or not is_layer_output(made.parents[0]):
        return False
    before = made.parents[0].value
    if before is None:
        return True
    # all zeros: no layer has begun (D08); all rows the same: nothing came that it could let through (D09)
    has_rows = before.dim() > 0 and len(before) >= LEAST_ROWS_APART
    return bool((before != 0).any()) and not (has_rows and not bool((before != before[:1]).any()))


def _dead_share(layer: Layer) -> float | None:
    """The share of units that were 0 for every row at the end; None where too little was kept."""
    found = layer.peaks(least_rows=MANY_ROWS)
    if found is None or found[1] < LEAST_ROWS or not bool(torch.isfinite(found[0]).all()):
        return None
    alive = found[0] > 0
    share = 1 - float(alive.float().mean())
    return share if share == 1 or len(alive) >= LEAST_UNITS else 0.0


def _has_failed(case: Case) -> tuple[str, bool]:
    """Why the training counts as failed ("" where it learnt), and whether another change would have helped."""
    losses = case.facts.curve()
    if len(losses) < 3 or not all(math.isfinite(one) for one in losses[-3:]):
        return "", False
    try:
        trouble = trouble_of(case.facts)
    except CannotReplay as reason:
        end = sum(losses[-3:]) / 3
        is_flat = end >= FAILED * losses[0]
        return (
            (f"the loss went {losses[0]:.4g} → {end:.4g}, not replayed because {reason}", False)
            if is_flat
            else ("", False)
        )
    if trouble is None or trouble.relative < FAILED:
        return "", False
    return trouble.says_run(), trouble.is_explained

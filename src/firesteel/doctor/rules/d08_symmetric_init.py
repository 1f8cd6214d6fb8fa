"""D08: symmetric or constant initial weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.captures import CONVOLUTIONS, Layer, as_units, layers_of
from firesteel.doctor.facts import Made, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import site_of_init
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Steps after which equal units would have parted, if they could.
LEAST_STEPS = 3
#: Units count as equal if they differ by less than this share of their size.
ALIKE = 1e-4


class SymmetricInit(Rule):
    id: ClassVar[str] = "D08"
    title: ClassVar[str] = "symmetric or constant initial weights"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Units that begin with the same weights get the same gradients and stay copies of each other for ever: a layer"
        " of 100 units does the work of one. With zeros in several layers no gradient arrives at all."
    )
    detected: ClassVar[str] = (
        "The first weights of each layer: all units the same. And the proof some steps later: its "
        "units still give the same numbers for every row."
    )
    silent: ClassVar[str] = (
        "Heads, gates and residual branches that begin with zeros and part at the first step; biases of zeros and "
        "norms of ones; weights that do not learn; layers whose units are told apart by dropout or by what comes "
        "behind."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = (x[:, 0] * x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
for layer in (net[0], net[2]):
    nn.init.constant_(layer.weight, 0.1)
    nn.init.zeros_(layer.bias)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(30):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("(net[0], net[2])", "(net[2],)")

    def judge(self, case: Case) -> Iterable[Finding]:
        layers = layers_of(case.facts, CONVOLUTIONS | {"linear", "addmm", "matmul", "mm"})
        weighted = [(layer, param) for layer in layers if (param := _weight(layer.last)) is not None]
        if not weighted:
            raise NotApplicable("no layer was trained whose first weights were kept")
        equal = [
            (layer, param) for layer, param in weighted if _is_symmetric(layer.last, param) and _stay_alike(case, layer)
        ]
        if equal:
            yield self._describe(case, *equal[0], n_layers=len(equal))

    def _describe(self, case: Case, layer: Layer, param: Param, *, n_layers: int) -> Finding:
        made = layer.last
        assert param.initial is not None
        n_units = made.shape[1] if made.op in CONVOLUTIONS else made.shape[-1]
        first = float(param.initial.reshape(-1)[0])
        constant = bool((param.initial == first).all())
        begins = f"all its weights begin with {first:g}" if constant else "all its units begin with the same weights"
        more = f" ({n_layers} layers do)" if n_layers > 1 else ""
        late = _late(case, layer)
        n_alike = sum(_is_alike(one) for one in late)
        is_last = _is_alike(late[-1])
        end = "to the end" if is_last else "before rounding errors told them apart"
        return self.finding(
            site_of_init(case.facts, param) or param.site or made.creation,
            message=f"the {n_units} units of a layer begin alike and stay alike",
            level="E" if is_last else "W",
            evidence=f"{begins}{more}; at {n_alike} of {len(late)} later steps that were looked at, {end}, all "
            f"{n_units} units gave the same numbers for each of {made.shape[0]} rows",
            why="equal units get equal gradients, so the layer does the work of a single unit",
            fix="leave out this initialisation (PyTorch's own is random), or draw it: nn.init.kaiming_uniform_(weight)",
        )


def _weight(made: Made) -> Param | None:
    """The parameter that is applied to data."""
    for parent in made.parents[-2:] if made.op == "addmm" else made.parents[:2]:
        one = parent
        while one.op in ("get_T", "transpose") and one.parents:
            one = one.parents[0]
        if one.param is not None and one.param.initial is not None and len(one.param.shape) >= 2:
            return one.param
    return None


def _is_symmetric(made: Made, param: Param) -> bool:
    """All units have the same first weights: the rows of a layer, the columns of a matrix behind the data."""
    weights = param.initial
    assert weights is not None
    is_turned = any(parent.op in ("get_T", "transpose") for parent in made.parents)
    if made.op in ("matmul", "mm", "addmm") and not is_turned:
        weights = weights.transpose(0, -1)
    return len(weights) > 1 and bool((weights == weights[:1]).all())


def _late(case: Case, layer: Layer) -> list[Made]:
    """The captures behind at least three steps of the layer's own training."""
    first = layer.captures[0][0].step
    if case.facts.steps:
        return [made for backward, made in layer.captures if backward.step >= first + LEAST_STEPS]
    return [made for _, made in layer.captures[2 * LEAST_STEPS :]]  # by hand: a few backwards may share a step


def _stay_alike(case: Case, layer: Layer) -> bool:
    """Some steps later all units still give the same numbers, bias and all."""
    late = _late(case, layer)
    return bool(late) and _is_alike(late[0])


def _is_alike(made: Made) -> bool:
    """All units give the same number, for each row."""
    rows = as_units(made)
    if rows is None or rows.shape[1] < 2 or not bool(torch.isfinite(rows).all()):
        return False
    apart = (rows.max(1).values - rows.min(1).values).max()
    return bool(apart <= ALIKE * rows.abs().max().clamp_min(1e-12))

"""G02: a branch of the net is cut off from the loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from firesteel.doctor.facts import Made, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

_CUTS = {"detach": ".detach()", "get_data": ".data", "numpy": ".numpy()", "item": ".item()", "tolist": ".tolist()"}


class BranchCut(Rule):
    id: ClassVar[str] = "G02"
    title: ClassVar[str] = "branch cut by detach, .data or NumPy"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "What stands before a .detach(), a .data or a way through NumPy gets no gradient. If an optimizer holds "
        "those weights they stay as they were drawn, and the rest of the net learns on top of noise."
    )
    detected: ClassVar[str] = (
        "Weights that an optimizer holds, that took part in the net's answer, and that no backward ever reached; "
        "and the operation behind them that cuts the graph."
    )
    silent: ClassVar[str] = (
        "Cuts on purpose: target nets, teachers and baselines that no optimizer holds, straight-through "
        "estimators whose encoder gets its gradient another way, values taken out for printing."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
encoder, head = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
for step in range(5):
    optimizer.zero_grad()
    hidden = torch.relu(encoder(x)).detach()
    nn.functional.mse_loss(head(hidden), y).backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(".detach()", "")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        looked_at = [one for one in facts.backwards if one.is_hot]
        if not looked_at or not facts.optimizers:
            raise NotApplicable("no backward of a net that an optimizer holds was looked at")
        reached = frozenset[int]().union(*(one.reached for one in looked_at))
        learning = reached.union(*(frozenset(one.ever_with_gradient) for one in facts.optimizers))
        held = {id(param): param for one in facts.optimizers for param in one.params}
        lost = {key: param for key, param in held.items() if key not in learning and _requires(param)}
        if not lost or not learning & held.keys():
            return
        inside = [made for one in looked_at if one.made is not None for made in one.made.walk() if _is_cut(made)]
        first = min((one.at for one in facts.forwards), default=0)
        outside = [made for made in facts.ops if first < made.at < looked_at[-1].at and made.op in _CUTS]
        found = _cutting(inside, lost) or _cutting(outside, lost)
        for made, behind in found.values():
            names = sorted(lost[key].name or "a tensor" for key in behind)
            how = _CUTS.get(made.op, "no_grad()")
            yield self.finding(
                made.site,
                message=f"{how} cuts off weights that the optimizer holds",
                evidence=f"{len(behind)} parameters before it ({', '.join(names[:3])}) got no gradient in "
                f"{len(looked_at)} backwards that were looked at; others did",
                why="they stay as they were drawn, and the rest learns on top of noise",
                fix=f"     leave out {how} here; if it is meant, keep these weights out of the optimizer",
            )


def _cutting(cuts: list[Made], lost: Mapping[int, Param]) -> dict[Site, tuple[Made, set[int]]]:
    """The nearest cut behind lost weights, by place, each with the weights that it alone cuts off."""
    found: dict[Site, tuple[Made, set[int]]] = {}
    for made in sorted(cuts, key=lambda one: one.at):
        behind = {id(one.param) for one in _before(made) if one.param is not None} & lost.keys()
        if behind and not any(behind <= known for _, known in found.values()):
            found.setdefault(made.site, (made, behind))
    return found


def _before(cut: Made) -> Iterator[Made]:
    """What went into it, up to other cuts."""
    return cut.walk(through=lambda one: one is cut or not _is_cut(one))


def _is_cut(made: Made) -> bool:
    """It takes values out of a graph, or was computed without one though weights took part."""
    if made.op in _CUTS:
        return bool(made.parents) and made.parents[0].op != "parameter"
    return not made.requires_grad and any(one.op == "parameter" and one.requires_grad for one in made.parents)


def _requires(param: Param) -> bool:
    tensor = param.ref()
    return tensor is None or tensor.requires_grad

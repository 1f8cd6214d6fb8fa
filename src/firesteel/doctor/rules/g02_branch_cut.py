"""G02: a branch of the net is cut off from the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch

from firesteel.doctor.facts import Backward, Facts, Made, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import AS_NUMBERS, cuts_inside, cutting, is_choice, lasting, place_of_cut
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.unused_losses import unused_losses


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
        "estimators whose encoder gets its gradient another way, values taken out for printing. A choice (argmax, a "
        "comparison) and a loss that is only printed are named by O06."
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
        held = lasting(facts) if not facts.optimizers else {}
        held.update({id(param): param for one in facts.optimizers for param in one.params})
        if not looked_at or not held:
            raise NotApplicable("no backward of weights that an optimizer holds was looked at")
        learning = _learning(facts, looked_at, held)
        lost = {key: param for key, param in held.items() if key not in learning and _requires(param)}
        if not lost or not learning & held.keys():
            return
        found = cutting(cuts_inside(facts), lost)
        forgotten: set[int] = set()
        if not found:
            found = cutting(_numbers(facts, looked_at[-1].at), lost)
            forgotten = forgotten.union(*(behind for _, behind in unused_losses(facts, lost).values()))
        for made, behind in found.values():
            if is_choice(made) or behind <= forgotten:  # O06
                continue
            names = sorted(lost[key].name or "a tensor" for key in behind)
            place, how = place_of_cut(facts, case.sources, made)
            yield self.finding(
                place,
                message=f"{how} cuts off weights that are to be learned",
                evidence=f"{len(behind)} parameters before it ({', '.join(names[:3])}) got no gradient in "
                f"{len(looked_at)} backwards that were looked at; others did",
                why="they stay as they were drawn, and the rest learns on top of noise",
                fix=f"     leave out {how} here; if it is meant, keep these weights out of the optimizer",
            )


def _learning(facts: Facts, looked_at: list[Backward], held: Mapping[int, Param]) -> frozenset[int]:
    """Those that a backward reached, that a step found with a gradient, or whose values have changed."""
    reached = frozenset[int]().union(*(one.reached for one in looked_at))
    given = reached.union(*(frozenset(one.ever_with_gradient) for one in facts.optimizers))
    return given | {key for key, param in held.items() if _has_changed(param)}


def _has_changed(param: Param) -> bool:
    tensor = param.ref()
    return tensor is not None and param.initial is not None and not torch.equal(tensor.detach(), param.initial)


def _numbers(facts: Facts, last: int) -> list[Made]:
    """Numbers and arrays that were taken out of what a net computed; what became of these nobody sees."""
    first = min((one.at for one in facts.forwards), default=0)
    taken = [one for one in facts.ops if first < one.at < last and one.op in AS_NUMBERS]
    return [one for one in taken if not facts.forwards or any(part.module is not None for part in one.walk())]


def _requires(param: Param) -> bool:
    tensor = param.ref()
    return tensor is None or tensor.requires_grad

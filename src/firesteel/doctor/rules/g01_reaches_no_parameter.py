"""G01: the loss reaches no parameter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class ReachesNoParameter(Rule):
    id: ClassVar[str] = "G01"
    title: ClassVar[str] = "the loss reaches no parameter"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A tensor made anew from numbers (torch.tensor(loss), a way through NumPy, loss.item()) knows nothing of "
        "how these came about. With requires_grad=True its backward runs without an error and ends there: no "
        "weight gets a gradient."
    )
    detected: ClassVar[str] = (
        "The leaves of the graph of a backward: none of them is a weight of a net or held by an optimizer, and "
        "either the leaf was made from what the net gave, or the step behind it found no gradient at all."
    )
    silent: ClassVar[str] = "Gradients by an input on purpose, where the net is frozen and no optimizer waits for them."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss = torch.tensor(loss.item(), requires_grad=True)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("    loss = torch.tensor(loss.item(), requires_grad=True)\n", "")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        looked_at = [one for one in facts.backwards if one.is_hot]
        if not looked_at:
            raise NotApplicable("no backward was looked at")
        waiting = {id(param) for one in facts.optimizers for param in one.params}
        seen: dict[object, tuple[Made, Backward]] = {}
        for backward in looked_at:
            if any(id(one) in waiting or one.is_parameter for one in backward.reached_params):
                continue
            if any(one.n_by_hand for one in backward.reached_params):
                continue
            leaf = _leaf(backward)
            if leaf is not None and (_comes_from_net(leaf) or _nothing_to_apply(facts, backward)):
                seen.setdefault(leaf.site, (leaf, backward))
        for leaf, backward in seen.values():
            n = sum(one.site is backward.site for one in looked_at)
            made_by = leaf.parents[0].op if leaf.parents else "a new tensor"
            yield self.finding(
                leaf.site,
                message="the loss is cut off from the net here: no weight gets a gradient",
                evidence=f"the graph of the backward on line {backward.site.line} ends at a tensor made by {made_by}; "
                f"none of its {len(backward.reached_params)} leaves is a weight ({n} backwards looked at)",
                why="backward runs without an error, and nothing is learned",
                fix="     keep the loss as it was computed: no torch.tensor(), .item(), .detach() or .numpy() before "
                "backward()",
            )


def _leaf(backward: Backward) -> Made | None:
    """The leaf where the graph ends; the loss itself if it is that."""
    if backward.made is None or not backward.made.requires_grad:  # told to require a gradient when it was made already
        return backward.made
    return next((one for one in backward.made.walk() if one.op == "parameter"), backward.made)


def _comes_from_net(leaf: Made) -> bool:
    """It was made from numbers that weights had a part in."""
    return any(one.op == "parameter" and one is not leaf for one in leaf.walk())


def _nothing_to_apply(facts: Facts, backward: Backward) -> bool:
    """The step behind it found no gradient in any of its parameters."""
    starts = [one.at for one in facts.steps]
    place = bisect_right(starts, backward.at)
    return place < len(starts) and facts.steps[place].n_without_gradient == facts.steps[place].n_params

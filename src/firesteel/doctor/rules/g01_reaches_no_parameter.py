"""G01: the loss reaches no parameter."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Container, Iterable
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import TAKEN_OUT, lasting, nearest_cut, place_of_cut, within_graph
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source

Place = Site | tuple[Source, ast.AST]


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
        "the leaf was made from what the net gave, or the step behind it found no gradient at all. Named is the "
        "operation behind which the graph ends."
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
        weights = {id(param) for one in facts.optimizers for param in one.params} | lasting(facts).keys()
        seen: dict[object, tuple[Place, str, Backward]] = {}
        for backward in looked_at:
            if any(id(one) in weights or one.is_parameter or one.n_by_hand for one in backward.reached_params):
                continue
            leaf = _leaf(backward)
            is_cut_off = leaf is not None and _comes_from_net(leaf, weights)
            if is_cut_off or _nothing_to_apply(facts, backward) or _is_taken_out(facts, backward, weights):
                place, how = _where(case, backward, leaf)
                seen.setdefault(_key(place), (place, how, backward))
        for place, how, backward in seen.values():
            n = sum(one.site is backward.site for one in looked_at)
            yield self.finding(
                place,
                message="the loss is cut off from the net here: no weight gets a gradient",
                evidence=f"the graph of the backward on line {backward.site.line} ends at a tensor made by {how}; "
                f"none of its {len(backward.reached_params)} leaves is a weight ({n} backwards looked at)",
                why="backward runs without an error, and nothing is learned",
                fix="     keep the loss as it was computed: no torch.tensor(), .item(), .detach(), .numpy() or "
                "no_grad() between the net and backward(), and no step without a gradient (argmax, a comparison)",
            )


def _key(place: Place) -> object:
    return place if isinstance(place, Site) else place[1]


def _leaf(backward: Backward) -> Made | None:
    """The leaf where the graph ends; the loss itself if it is that."""
    if backward.made is None:
        return None
    return next((one for one in within_graph(backward.made) if one.op == "parameter"), backward.made)


def _is_weight(made: Made, weights: Container[int]) -> bool:
    param = made.param
    return param is not None and made.requires_grad and (param.is_parameter or id(param) in weights)


def _comes_from_net(leaf: Made, weights: Container[int]) -> bool:
    """It was made from numbers that weights had a part in."""
    return any(_is_weight(one, weights) for one in leaf.walk() if one is not leaf)


def _nothing_to_apply(facts: Facts, backward: Backward) -> bool:
    """The step behind it found no gradient in any of its parameters."""
    starts = [one.at for one in facts.steps]
    place = bisect_right(starts, backward.at)
    return place < len(starts) and facts.steps[place].n_without_gradient == facts.steps[place].n_params


def _is_taken_out(facts: Facts, backward: Backward, weights: Container[int]) -> bool:
    """No optimizer is there, no backward of the run reached a weight, and numbers were taken out of an answer."""
    if facts.optimizers or any(
        id(one) in weights or one.is_parameter for other in facts.backwards for one in other.reached_params
    ):
        return False
    before = max((one.at for one in facts.backwards if one.at < backward.at), default=0)
    taken = [one for one in facts.ops if before < one.at < backward.at and one.op in TAKEN_OUT]
    return any(_comes_from_net(one, weights) for one in taken)


def _where(case: Case, backward: Backward, leaf: Made | None) -> tuple[Place, str]:
    """The place where the graph is lost: the nearest cut, else the line that made the leaf, else the assignment."""
    made = backward.made
    cut = nearest_cut(made) if made is not None else None
    if cut is not None:
        return place_of_cut(case.facts, case.sources, cut)
    if leaf is not None and leaf.parents:
        return leaf.site, leaf.parents[0].op
    assigned = _assignment(case.sources.of(backward.site), backward.site)
    if assigned is not None:
        return (case.sources.of(backward.site), assigned), "a new tensor"
    return (leaf.site if leaf is not None else backward.site), "a new tensor"


def _assignment(source: Source, site: Site) -> ast.AST | None:
    """The last statement above a backward, in its function, that gave the name its value."""
    call = source.node_at(site)
    owner = call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
    if owner is None:
        return None
    if not isinstance(owner, ast.Name):
        return owner
    around = source.function_around(site.line) or source.tree
    found = [
        node
        for node in ast.walk(around)
        if isinstance(node, ast.Assign) and node.lineno < site.line
        if any(isinstance(target, ast.Name) and target.id == owner.id for target in node.targets)
    ]
    return max(found, key=lambda node: node.lineno) if found else None

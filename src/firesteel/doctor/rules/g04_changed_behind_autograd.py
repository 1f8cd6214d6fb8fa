"""G04: values changed behind the back of autograd."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import within_graph
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class ChangedBehindAutograd(Rule):
    id: ClassVar[str] = "G04"
    title: ClassVar[str] = "values changed through .data within a graph"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "`.data` gives the numbers of a tensor without telling autograd. Changing those of a value that takes "
        "part in a graph changes what the backward computes with, and the change itself has no gradient: "
        "gradients are wrong, without an error."
    )
    detected: ClassVar[str] = (
        "An operation in place on the .data of a tensor that was computed from weights and that a backward went "
        "through."
    )
    silent: ClassVar[str] = (
        "The .data of weights themselves: updates by hand, clipping, averages and initialisation change leaves "
        "between graphs, which is what .data was made for."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
one, two = nn.Linear(4, 8), nn.Linear(8, 1)
optimizer = torch.optim.SGD([*one.parameters(), *two.parameters()], lr=0.1)
for step in range(5):
    hidden = torch.tanh(one(x))
    hidden.data.mul_(2)
    loss = nn.functional.mse_loss(two(hidden), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("hidden.data.mul_(2)", "hidden = hidden * 2")

    def _weights(self, facts: Facts) -> Iterable[Finding]:
        """Weights that are changed between the forward that used them and its backward."""
        changed = [(made, weight) for made in facts.ops if (weight := _weight_of(made)) is not None]
        if not changed:
            return
        found: dict[object, tuple[Made, int]] = {}
        earlier = -1
        for backward in facts.backwards:
            used = _first_uses(backward, earlier)
            for made, weight in changed:
                if id(weight) in used and used[id(weight)] < made.at < backward.at:
                    found[made.site] = (made, found.get(made.site, (made, 0))[1] + 1)
            earlier = backward.at
        for made, n in found.values():
            yield self.finding(
                made.site,
                message="weights are changed through .data between the forward that used them and its backward",
                evidence=f"{_how(made)} a weight of shape {made.parents[0].shape}, {n} times while it was looked at",
                why="the backward computes with other weights than the forward had",
                fix="     change weights behind optimizer.step(), or before the forward",
            )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not any(one.made is not None for one in facts.backwards):
            raise NotApplicable("no backward was looked at")
        changed = [(made, base) for made in facts.ops if made.is_in_place and (base := _base_of(made)) is not None]
        trained = _trained(facts) if changed else set()
        yield from self._weights(facts)
        seen = {made.site: (made, base) for made, base in reversed(changed) if id(base) in trained}
        for site, (made, base) in seen.items():
            n = sum(other.site is site for other, _ in changed)
            yield self.finding(
                site,
                message="the values of a tensor inside the graph are changed through .data",
                evidence=f"{made.op} in place on the .data of the output of {base.op} {base.shape}, {n} times while it "
                "was looked at; a backward went through that tensor",
                why="the backward computes with the changed values and knows nothing of the change",
                fix="     write the change as an operation of its own: h = h * mask, without .data",
            )


def _first_uses(backward: Backward, earlier: int) -> dict[int, int]:
    """When each weight was first used for a backward, by its record's id; uses before an earlier one do not count."""
    found: dict[int, int] = {}
    for one in within_graph(backward.made) if backward.made is not None else ():
        for parent in one.parents:
            if parent.op == "parameter" and one.op != "parameter" and one.at > earlier:
                found[id(parent)] = min(one.at, found.get(id(parent), one.at))
    return found


def _how(made: Made) -> str:
    return "new .data for" if made.op == "set_data" else f"{made.op} in place on"


def _weight_of(made: Made) -> Made | None:
    """The weight whose .data an operation changes."""
    if made.op == "set_data":  # p.data = ...
        return made.parents[0] if made.parents[0].op == "parameter" else None
    first = made.args[0] if made.is_in_place and made.args else None
    while isinstance(first, Made) and first.op != "get_data" and first.op in SAME_NUMBERS and first.parents:
        first = first.parents[0]
    if not isinstance(first, Made) or first.op != "get_data" or not first.parents:
        return None
    return first.parents[0] if first.parents[0].op == "parameter" else None


def _base_of(made: Made) -> Made | None:
    """The computed tensor whose .data an operation changes."""
    first = made.args[0] if made.args else None
    while isinstance(first, Made) and first.op != "get_data" and first.op in SAME_NUMBERS and first.parents:
        first = first.parents[0]
    if not isinstance(first, Made) or first.op != "get_data" or not first.parents:
        return None
    base = first.parents[0]
    return base if base.requires_grad and base.op != "parameter" and base.grad_node else None


def _trained(facts: Facts) -> set[int]:
    """All that a backward came through."""
    known: set[int] = set()
    for backward in facts.backwards:
        if backward.made is not None:
            known.update([id(one) for one in backward.made.walk(known=frozenset(known))])
    return known

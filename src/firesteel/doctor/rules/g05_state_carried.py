"""G05: a hidden state carried on with its graph."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: The second graph is at least so much larger than the first, and the third than the second by this share of the first.
GROWTH, FURTHER = 1.1, 0.1


class StateCarried(Rule):
    id: ClassVar[str] = "G05"
    title: ClassVar[str] = "hidden state carried on with its graph"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "A state that goes from one step into the next brings its whole graph along. PyTorch says so by an error "
        "about a second backward; with retain_graph=True the error is gone, and every step goes back through all "
        "steps before it, through weights that have changed since: slower with each step, and wrong."
    )
    detected: ClassVar[str] = (
        "Three backwards of one line that keep their graphs, each graph clearly larger than the one before, and an "
        "operation that was given a tensor which was computed before the last backward."
    )
    silent: ClassVar[str] = "States that are detached between steps, and graphs that are kept but do not grow."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(6, 16, 5, 2), torch.randn(6, 16, 5, 8)
cell = nn.GRU(2, 8, batch_first=True)
state = None
for step in range(6):
    out, state = cell(x[step], state)
    loss = (out - y[step]).pow(2).mean()
    cell.zero_grad()
    loss.backward(retain_graph=True)
    for weight in cell.parameters():
        weight.data -= 0.1 * weight.grad
"""
    healthy: ClassVar[str] = sick.replace("retain_graph=True", "").replace(
        "cell.zero_grad()", "state = state.detach()\n    cell.zero_grad()"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        looked_at = [one for one in facts.backwards if one.is_hot and one.n_nodes]
        if len(looked_at) < 3:
            raise NotApplicable("fewer than three backwards were looked at")
        for first, second, third in zip(looked_at, looked_at[1:], looked_at[2:], strict=False):
            if _grows(first, second, third) and (carried := _carried(facts, third)) is not None:
                yield self._describe(case, carried, (first, second, third))
                return

    def _describe(self, case: Case, carried: Site, grown: tuple[Backward, ...]) -> Finding:
        sizes = ", ".join(f"{one.n_nodes:,}" for one in grown)
        return self.finding(
            grown[-1].site,
            message="this goes back through all steps before: a state was carried on with its graph",
            evidence=f"the graphs of three backwards in a row had {sizes} nodes; what goes in on line {carried.line} "
            "still holds those of the steps before",
            why="each step goes back through all steps before it, through weights that have changed since",
            fix=case.sources.of(carried).insert_before(
                carried.line, "state = state.detach()  # before it goes in again"
            )
            + "\n     then backward() needs no retain_graph",
        )


def _grows(first: Backward, second: Backward, third: Backward) -> bool:
    is_one_place = first.site is second.site is third.site and third.retains_graph and not third.creates_graph
    is_larger = second.n_nodes >= GROWTH * first.n_nodes and third.n_nodes >= second.n_nodes + FURTHER * first.n_nodes
    return is_one_place and is_larger


def _carried(facts: Facts, backward: Backward) -> Site | None:
    """Where the backward before this one is crossed: the call of a net, else the first operation, that was given it."""
    starts = [one.at for one in facts.backwards]
    place = bisect_left(starts, backward.at)
    earlier, begun = (facts.backwards[place - i].at if place >= i else 0 for i in (1, 2))
    for forward in facts.forwards:
        if earlier < forward.at < backward.at and any(_is_of(one, begun, earlier) for one in forward.inputs):
            return forward.site
    if backward.made is None:
        return None
    through = backward.made.walk(through=lambda one: one.requires_grad and one.at > earlier)
    given = [
        one for one in through if one.at > earlier and any(_is_of(parent, begun, earlier) for parent in one.parents)
    ]
    return min(given, key=lambda one: one.at).site if given else None


def _is_of(made: Made, begun: int, moment: int) -> bool:
    """It was made in the round before this one, with a graph; features of several heads are made before all rounds."""
    return made.requires_grad and made.op != "parameter" and bool(made.grad_node) and begun < made.at < moment

"""G03: graphs of earlier steps are kept."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import within_graph
from firesteel.doctor.keeping import keeper
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: So many losses of earlier steps must be alive, and this share of those that were looked for ...
LEAST_ALIVE, SHARE_ALIVE = 4, 0.7
#: ... or so many more than there were trainings, each of which may keep its last.
LEAST_BEYOND = 3
LEAST_SUMS = 2
_ADDING = ("add", "radd", "cat", "stack", "hstack", "vstack", "sum", "lerp")


class GraphRetained(Rule):
    id: ClassVar[str] = "G03"
    title: ClassVar[str] = "graphs of earlier steps are kept"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A loss that is kept as a tensor keeps its whole graph. A list of them, or a running sum, grows with "
        "every step until memory is full."
    )
    detected: ClassVar[str] = (
        "The losses (or answers) of steps long past are still alive with their graphs, ever more of them; or sums to "
        "which one loss after the other was added, each of which had its own backward."
    )
    silent: ClassVar[str] = (
        "Numbers (.item(), .detach()), sums that are there for a backward of their own, as with accumulation, and the "
        "last or the best loss of each training."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
losses = []
for step in range(30):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss)
"""
    healthy: ClassVar[str] = sick.replace("losses.append(loss)", "losses.append(loss.item())")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if len(facts.backwards) < LEAST_ALIVE:
            raise NotApplicable(f"fewer than {LEAST_ALIVE} backwards were seen")
        sums = _sums(facts)
        for site, n in sums.items():
            yield self.finding(
                site,
                message="losses are added up with their graphs",
                evidence=f"{n} sums in a row that were looked at hold losses whose backward is over",
                why="the sum keeps the graph of every step",
                fix=_as_number(case, site),
            )
        if sums:
            return
        if (kept := _kept_losses(facts)) is not None:
            moment, alive = kept
            yield self.finding(
                keeper(facts, case.sources, facts.backwards[-1].site) or facts.backwards[-1].site,
                message="losses are kept with their graphs",
                evidence=f"after {moment:,} steps the losses of {alive} earlier ones were still alive, each with its "
                "graph",
                why="memory grows with every step",
                fix="     keep the number: loss.item()",
            )
        elif (seen := _kept_results(facts)) is not None:
            site, results = seen
            is_number = not results[0].shape or set(results[0].shape) == {1}
            yield self.finding(
                keeper(facts, case.sources, site) or site,
                message="results are kept with their graphs",
                evidence=f"the results {_shape_of(results[0])}of line {site.line} from {len(results)} earlier steps "
                "that were looked at were still alive, each with its graph",
                why="memory grows with every step",
                fix=f"     keep the numbers: {'.item()' if is_number else '.detach()'}",
                level="E" if is_number else "W",
            )


def _shape_of(made: Made) -> str:
    return f"of shape {made.shape} " if made.shape else ""


def _kept_losses(facts: Facts) -> tuple[int, int] | None:
    """After how many steps so many losses of earlier ones were alive; one a training may be."""
    best = None
    for moment, alive, n_recent, n_optimizers, _ in facts.n_retained:
        is_most = alive >= max(LEAST_ALIVE, SHARE_ALIVE * n_recent)
        if (is_most or (n_optimizers and alive - n_optimizers >= LEAST_BEYOND)) and (best is None or alive > best[1]):
            best = moment, alive
    return best


def _kept_results(facts: Facts) -> tuple[Site, tuple[Made, ...]] | None:
    """The last place on the way whose results of several steps are kept; one a training may be."""
    n_trainings = len(facts.optimizers)
    found = [
        (site, made)
        for site, made in facts.kept.items()
        if len(made) >= LEAST_ALIVE + max(n_trainings - 1, 0) and site.is_users and not _is_chain(made)
    ]
    return max(found, key=lambda one: one[1][-1].at, default=None)


def _is_chain(results: tuple[Made, ...]) -> bool:
    """Each was made from the one before: a state that is carried on, which another rule looks at."""
    return any(any(one is first for one in within_graph(second)) for first, second in pairwise(results))


def _as_number(case: Case, site: Site) -> str:
    node = case.sources.of(site).node_at(site)
    if isinstance(node, ast.AugAssign):
        return case.sources.of(site).replace_node(node.value, f"{ast.unparse(node.value)}.item()")
    return "     add the number: loss.item()"


def _sums(facts: Facts) -> dict[Site, int]:
    """Places where a loss that had its own backward was added to a sum of such, and how often."""
    over = {id(one.made) for one in facts.backwards if one.made is not None}
    used = {id(made) for one in facts.backwards if one.made is not None for made in one.made.walk()} if over else set()
    found: dict[Site, int] = {}
    chains: dict[int, Site] = {}
    for made in facts.ops:
        if made.op not in _ADDING or not made.requires_grad or id(made) in used or not made.site.is_users:
            continue
        parents = made.parents
        if any(_is_over(one, over) for one in parents):
            chains[id(made)] = made.site
            if any(chains.get(id(part)) is made.site for one in parents for part in (one, *_scaled(one))):
                found[made.site] = found.get(made.site, 1) + 1
        elif made.site in chains.values() and all(_is_from_before(one) for one in parents):
            found[made.site] = found.get(made.site, 1) + 1
    return {site: n for site, n in found.items() if n >= LEAST_SUMS}


def _is_over(made: Made, over: set[int]) -> bool:
    """A loss whose backward is over, a view or a multiple of it."""
    made = origin(made)
    return id(made) in over or any(id(one) in over for one in _scaled(made))


def _is_from_before(made: Made) -> bool:
    """It was made while nobody looked, and has a graph."""
    return any(one.op == "unknown" and one.requires_grad for one in (made, *_scaled(made)))


def _scaled(made: Made) -> list[Made]:
    """What it is a multiple of."""
    return made.parents if made.op in ("mul", "div") else []

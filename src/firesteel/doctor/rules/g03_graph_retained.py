"""G03: graphs of earlier steps are kept."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source

#: So many losses of earlier steps must be alive, and this share of those that were looked for.
LEAST_ALIVE, SHARE_ALIVE, LOOKED_FOR = 4, 0.7, 60
LEAST_SUMS = 2


class GraphRetained(Rule):
    id: ClassVar[str] = "G03"
    title: ClassVar[str] = "graphs of earlier steps are kept"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A loss that is kept as a tensor keeps its whole graph. A list of them, or a running sum, grows with "
        "every step until memory is full."
    )
    detected: ClassVar[str] = (
        "The losses of steps long past are still alive with their graphs, ever more of them; or sums to which one "
        "loss after the other was added, each of which had its own backward."
    )
    silent: ClassVar[str] = (
        "Numbers (.item(), .detach()), and sums that are there for a backward of their own, as with accumulation."
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
        step, alive, _ = facts.n_retained[-1] if facts.n_retained else (0, 0, None)
        if not sums and alive >= max(LEAST_ALIVE, SHARE_ALIVE * min(LOOKED_FOR, step - 3)):
            source, node = _keeper(case)
            yield self.finding(
                (source, node) if node is not None else facts.backwards[-1].site,
                message="losses are kept with their graphs",
                evidence=f"after {step:,} steps the losses of {alive} earlier ones (of the last "
                f"{min(LOOKED_FOR + 3, step)}) were still alive, each with its graph",
                why="memory grows with every step",
                fix="     keep the number: loss.item()",
            )


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
        if made.op not in ("add", "radd") or not made.requires_grad or id(made) in used or not made.site.is_users:
            continue
        parents = made.parents
        if any(_is_over(one, over) for one in parents):
            chains[id(made)] = made.site
            if any(chains.get(id(one)) is made.site for one in parents):
                found[made.site] = found.get(made.site, 1) + 1
    return {site: n for site, n in found.items() if n >= LEAST_SUMS}


def _is_over(made: Made, over: set[int]) -> bool:
    """A loss whose backward is over, or a multiple of it."""
    return id(made) in over or (made.op in ("mul", "div") and any(id(one) in over for one in made.parents))


def _keeper(case: Case) -> tuple[Source, ast.AST | None]:
    """The statement that puts the loss away, in the function where its backward is."""
    site = case.facts.backwards[-1].site
    source = case.sources.of(site)
    call = source.node_at(site)
    name = ""
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        name = call.func.value.id
    around = source.function_around(site.line) or source.tree
    for node in ast.walk(around):
        kept: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "add"):
            kept = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript | ast.Attribute):
            kept = [node.value]
        if any(isinstance(part, ast.Name) and part.id == name for one in kept for part in _bare(one)):
            return source, node
    return source, None


def _bare(node: ast.expr) -> Iterable[ast.expr]:
    """The expression and the parts of a tuple, list or dict; not what a call makes of them."""
    yield node
    if isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from _bare(part)
    elif isinstance(node, ast.Dict):
        for part in node.values:
            yield from _bare(part)

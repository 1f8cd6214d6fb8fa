"""O07: optimizer or model made anew inside the loop."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median
from typing import ClassVar

import numpy as np

from firesteel.doctor.facts import Facts, Forward, Optimizer
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source
from firesteel.doctor.updates import steps_of

#: Phases and restarts are few; a loop makes one each time round.
FEWEST = 3
#: Rows of one pass and of the next are the same, but for a last batch that is left out.
SAME_ROWS = 0.8


class MadeAnew(Rule):
    id: ClassVar[str] = "O07"
    title: ClassVar[str] = "optimizer or model made anew inside the loop"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "An optimizer that is made in the training loop forgets its momentum and its running averages each time: Adam "
        "then takes steps of full length in the direction of single batches. A model that is made there begins again "
        "from random weights, and what was learned is thrown away."
    )
    detected: ClassVar[str] = (
        "Several optimizers were made at one line. The finding is there if each went on with the very weights that the "
        "one before it left and lived for a step or for one pass over the same rows; or if each came with a new model "
        "of the same shape that saw the same rows once and was then given up."
    )
    silent: ClassVar[str] = (
        "Folds of a cross-validation (their rows differ), restarts and phases of several passes, other learning rates, "
        "seeds or settings that the loop tries, plain SGD (it remembers nothing), local rounds that begin from loaded "
        "weights, and models that are kept and used later."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
for epoch in range(20):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 3)
y = x.sum(1, keepdim=True)
for fold in range(5):
    is_held_out = torch.arange(60) % 5 == fold
    net = nn.Linear(3, 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for epoch in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[~is_held_out]), y[~is_held_out])
        loss.backward()
        optimizer.step()
"""

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        stepped = [one for one in facts.optimizers if one.n_steps]
        if not stepped:
            raise NotApplicable("no optimizer stepped")
        groups: dict[Site, list[Optimizer]] = {}
        for one in stepped:
            if one.site is not None:
                groups.setdefault(one.site, []).append(one)
        for site, made in groups.items():
            if len(made) >= FEWEST:
                yield from self._optimizers(case, site, made)
                yield from self._models(case, site, made)

    # ---- the optimizer only

    def _optimizers(self, case: Case, site: Site, made: list[Optimizer]) -> Iterator[Finding]:
        going_on = [after for before, after in pairwise(made) if after.continues is before]
        if len(going_on) < max(2, SAME_ROWS * (len(made) - 1)) or not _remembers(made[0]):
            return
        n_steps = median(one.n_steps for one in made)
        has_closure = any(one.has_closure for one in steps_of(case.facts, made[0]))
        if n_steps > 1 and not _is_pass_by_pass(case.facts, made):
            return
        if has_closure:
            return
        source = case.sources.of(site)
        each = "a single step" if n_steps <= 1 else f"{n_steps:.0f} steps, one pass over the rows"
        yield self.finding(
            site,
            message=f"the {made[0].kind} is made anew each time round the loop, and forgets what it had gathered",
            evidence=f"{len(made)} were made at this line; {len(going_on)} of them went on with the weights that the "
            f"one before had left, each for {each}",
            why=_forgotten(made[0]),
            fix=f"{source.remove_line(site.line)}\n     make it once, above the loop",
        )

    # ---- the model with it

    def _models(self, case: Case, site: Site, made: list[Optimizer]) -> Iterator[Finding]:
        facts = case.facts
        if any(one.continues is not None for one in made) or not _are_alike(made):
            return
        source = case.sources.of(site)
        is_copied = any(param.is_loaded for one in made[1:] for param in one.params)
        if is_copied or _is_tried_out(source, site) or _is_kept(facts, made):
            return
        n_steps = median(one.n_steps for one in made)
        if n_steps > 1 and not _is_pass_by_pass(facts, made):
            return
        root = next((one.module for one in _trained_between(facts, made, 1)), None)
        is_beside = root is not None and root.site is not None and root.site.code is site.code
        where = root.site if is_beside and root is not None and root.site is not None else site
        each = "a single step" if n_steps <= 1 else f"{n_steps:.0f} steps, one pass over the same rows"
        yield self.finding(
            where,
            message="the model is made anew each time round the training loop: it begins again from random weights",
            evidence=f"{len(made)} models of the same shape were made, each was trained for {each}, and none was used "
            "again once the next was made",
            why="what was learned in a pass is thrown away with the next",
            fix=f"{source.remove_line(where.line)}\n     make the model and its optimizer once, above the loop",
        )


def _remembers(optimizer: Optimizer) -> bool:
    return optimizer.kind != "SGD" or bool(optimizer.defaults.get("momentum"))


def _forgotten(optimizer: Optimizer) -> str:
    if optimizer.kind == "SGD":
        return "momentum begins at zero each time"
    return "running averages begin at zero each time, so that steps follow single batches at full length"


def _trained_between(facts: Facts, made: list[Optimizer], i: int) -> list[Forward]:
    end = made[i + 1].at if i + 1 < len(made) else float("inf")
    return [one for one in facts.trained() if made[i].at < one.at < end]


def _is_pass_by_pass(facts: Facts, made: list[Optimizer]) -> bool:
    """Each was used on the same rows as the one before it, and on each row once."""
    if any(one.defaults != made[0].defaults for one in made):
        return False
    passes: list[set[int]] = []
    for i, one in enumerate(made):
        rows = [forward.samples for forward in _trained_between(facts, made, i)]
        if len(rows) != one.n_steps or not rows or any(part is None for part in rows):
            if passes and i >= FEWEST:  # later ones are not looked at row by row
                break
            return False
        flat = np.concatenate(rows)
        unique = set(flat.tolist())
        if len(unique) < SAME_ROWS * len(flat):
            return False
        passes.append(unique)
    pairs = pairwise(passes)
    return len(passes) >= FEWEST and all(len(a & b) >= SAME_ROWS * max(len(a), len(b)) for a, b in pairs)


def _are_alike(made: list[Optimizer]) -> bool:
    """Same settings and shapes, and no parameter in two of them."""
    shapes = [[param.shape for param in one.params] for one in made]
    ids = [id(param) for one in made for param in one.params]
    alike = all(one == shapes[0] for one in shapes) and all(one.defaults == made[0].defaults for one in made)
    return alike and len(set(ids)) == len(ids)


def _is_tried_out(source: Source, site: Site) -> bool:
    """The loop tries something out: what it counts goes into what is made, or into a seed; or no loop is to be seen."""
    loops = source.loops_around(site.line)
    if not loops or not isinstance(loops[0], ast.For):
        return True
    loop = loops[0]
    counted = {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
    for statement in loop.body:
        if statement.lineno > site.line:
            break
        if isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("print("):
            continue
        if any(isinstance(one, ast.Name) and one.id in counted for one in ast.walk(statement)):
            return not _is_only_batch(statement, loop)
    return False


def _is_only_batch(statement: ast.stmt, loop: ast.For) -> bool:
    """`xb, yb = xb.to(d), yb.to(d)` in a loop over batches: the target is a pair, and no setting."""
    return isinstance(loop.target, ast.Tuple) and isinstance(statement, ast.Assign | ast.AugAssign)


def _is_kept(facts: Facts, made: list[Optimizer]) -> bool:
    """A model was called again after the next one had been made, as those of an ensemble are."""
    for i, one in enumerate(made[:-1]):
        roots = {id(forward.module) for forward in _trained_between(facts, made, i)}
        if any(forward.at > made[i + 1].at and id(forward.module) in roots for forward in facts.forwards):
            return True
        if any(param.ref() is not None for param in one.params) and i + 2 < len(made):
            return True
    return False

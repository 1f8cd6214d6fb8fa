"""S04: rows ordered by their labels and not shuffled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source

#: Batches of so many rows, of which so many must be of one class alone.
LEAST_ROWS, LEAST_BATCHES, SHARE_PURE = 4, 4, 0.7
#: Where fewer are of one class: half of them, and of neighbouring rows fewer differ than this share of what chance
#: gives.
SHARE_PURE_IN_RUNS, SHARE_OF_CHANGES = 0.5, 0.05
#: Targets that are no labels of rows: a GAN's "real" and "made".
_CONSTANT = frozenset({
    "fill", "full", "full_like", "new_full", "new_ones", "new_zeros", "ones", "ones_like", "zero", "zeros",
    "zeros_like",
})  # fmt: skip


class OrderedByLabel(Rule):
    id: ClassVar[str] = "S04"
    title: ClassVar[str] = "unshuffled and ordered by label"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Rows that come class after class teach one class at a time: each batch undoes what the one before it "
        "taught, and the last class wins."
    )
    detected: ClassVar[str] = (
        "The labels of the batches of a loss: nearly every batch is of one class, and different batches are of "
        "different ones."
    )
    silent: ClassVar[str] = (
        "Shuffled rows; batches that are all of one class at one loss, as with the real and the made pictures of "
        "a GAN; orders by something else (curriculum, time)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
y = torch.arange(4).repeat_interleave(30)
x = nn.functional.one_hot(y, 4).float() + torch.randn(120, 4)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(5):
    for i in range(0, 120, 10):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[i : i + 10]), y[i : i + 10]).backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net = ", "order = torch.randperm(120)\nx, y = x[order], y[order]\nnet = ")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        names = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
        losses = [(one, labels) for one in facts.trained_losses(*names) if (labels := _labels(one)) is not None]
        if len(losses) < LEAST_BATCHES:
            raise NotApplicable(f"fewer than {LEAST_BATCHES} batches with labels were looked at")
        for site in dict.fromkeys(one.site for one, _ in losses):
            batches = [labels for one, labels in losses if one.site is site]
            pure = [int(labels[0]) for labels in batches if bool((labels == labels[0]).all())]
            if (
                len(batches) < LEAST_BATCHES
                or not (len(pure) >= SHARE_PURE * len(batches) or _is_in_runs(batches, len(pure)))
                or len(torch.cat(batches).unique()) < 2
            ):
                continue
            if len(set(pure)) < 2 and len(pure) == len(batches):
                continue
            if _come_together([(one.step, labels) for one, labels in losses if one.site is site]):
                continue
            place = _place(case, next(one for one, _ in losses if one.site is site))
            yield self.finding(
                place,
                message="the rows come class after class and are not shuffled",
                evidence=f"{len(pure)} of {len(batches)} batches that were looked at hold one class "
                f"alone; classes of these "
                f"batches, in order: {', '.join(map(str, pure[:8]))}",
                why="each batch undoes what the one before it taught",
                fix="     shuffle the training rows: shuffle=True, or torch.randperm before each epoch",
            )


def _is_in_runs(batches: list[torch.Tensor], n_pure: int) -> bool:
    """Where a batch is of two classes, the one comes behind the other."""
    if n_pure < SHARE_PURE_IN_RUNS * len(batches):
        return False
    shares = torch.cat(batches).unique(return_counts=True)[1].double()
    by_chance = 1 - float(((shares / shares.sum()) ** 2).sum())
    n_changes = sum(int((one[1:] != one[:-1]).sum()) for one in batches)
    return n_changes <= SHARE_OF_CHANGES * by_chance * sum(len(one) - 1 for one in batches)


def _come_together(losses: list[tuple[int, torch.Tensor]]) -> bool:
    """A third of the steps learn from several classes, one call of the loss each: the real and the made, say."""
    of_step: dict[int, set[int]] = {}
    for step, labels in losses:
        of_step.setdefault(step, set()).update(labels.unique().tolist())
    together = [step for step, classes in of_step.items() if len(classes) > 1]
    return len(losses) > len(of_step) and 3 * len(together) >= len(of_step)


def _labels(loss: Loss) -> torch.Tensor | None:
    if loss.target is None or origin(loss.target).op in _CONSTANT:
        return None
    value = loss.target.value
    if value is None or value.numel() < LEAST_ROWS or value.numel() != len(value):
        return None
    flat = value.reshape(-1)
    return flat.round().long() if not value.is_floating_point() or bool((flat == flat.round()).all()) else None


def _place(case: Case, loss: Loss) -> Site | tuple[Source, int]:
    """Where the loader was made that gave the batches in order; else where they are cut; else the loop over them."""
    facts = case.facts
    used = {id(one.loader_pass.loader) for one in facts.trained() if one.loader_pass is not None}
    for loader in facts.loaders:
        if id(loader) in used and "Random" not in loader.sampler:
            return loader.site
    for forward in facts.trained():
        if forward.input is not None and forward.input.op == "getitem":
            return forward.input.site
    made = {id(one) for one in loss.input.walk()}
    given = [one.input for one in facts.trained() if one.input is not None and id(one.output) in made]
    for site in (loss.site, *loss.callers):
        source = case.sources.of(site)
        loops = source.loops_around(site.line) if site.is_users else []
        if loops:
            cut = origin(given[0]).site if given else loss.site
            is_inside = cut.path == site.path and loops[0].lineno < cut.line <= (loops[0].end_lineno or 0)
            return cut if is_inside and cut is not loss.site else (source, loops[0].lineno)
    return loss.site

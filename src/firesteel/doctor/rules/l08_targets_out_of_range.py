"""L08: targets of the wrong kind or range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_BINARY = ("binary_cross_entropy_with_logits", "binary_cross_entropy")
#: Class 0 counts as left out where so many labels of it would be expected and none comes.
LEAST_EXPECTED, MOST_CLASSES = 8.0, 50
TOLERANCE = 1e-3


class TargetsOutOfRange(Rule):
    id: ClassVar[str] = "L08"
    title: ClassVar[str] = "targets of the wrong kind or range"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Binary losses take targets between 0 and 1: with -1 and 1 the loss falls below 0 without end. Cross "
        "entropy takes class ids from 0, or shares that add up to 1: ids from 1 with an output too many run "
        "without an error and waste a class; several ones in a row want another loss."
    )
    detected: ClassVar[str] = (
        "The targets of trained losses: their least and largest values, which ids never come, their sums."
    )
    silent: ClassVar[str] = "Soft targets, label smoothing, ignore_index, and classes that are merely rare."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = torch.where(x[:, :1] > 0, 1.0, -1.0)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("1.0, -1.0)", "1.0, 0.0)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = case.facts.trained_losses(*_BINARY, "cross_entropy", "nll_loss")
        losses = [one for one in losses if one.target is not None and one.target.value is not None]
        if not losses:
            raise NotApplicable("no loss with classes was trained on")
        for site in dict.fromkeys(one.site for one in losses):
            here = [one for one in losses if one.site is site]
            found = _binary(here) if here[0].name in _BINARY else _classes(here)
            if found is not None:
                level, message, evidence, why, fix = found
                yield self.finding(
                    site, level=level, message=message, evidence=evidence, why=why, fix=f"     {fix}"
                )  # fmt: skip


_Found = tuple[Level, str, str, str, str]


def _values(losses: list[Loss]) -> list[torch.Tensor]:
    return [one.target.value for one in losses if one.target is not None and one.target.value is not None]


def _binary(losses: list[Loss]) -> _Found | None:
    values = torch.cat([one.reshape(-1).double() for one in _values(losses)])
    low, high = float(values.min()), float(values.max())
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return None
    n = int(((values < -TOLERANCE) | (values > 1 + TOLERANCE)).sum())
    return (
        "E",
        "a binary loss is given targets beyond 0 and 1",
        f"{n:,} of {len(values):,} targets that were looked at lie beyond; they go from {low:g} to {high:g}",
        "the loss has no least value and falls without end",
        "write the targets as 0 and 1",
    )


def _classes(losses: list[Loss]) -> _Found | None:
    values = _values(losses)
    if values[0].is_floating_point():
        return _shares(losses, values)
    n_classes = losses[0].input.shape[1] if len(losses[0].input.shape) > 1 else 0
    if not 3 <= n_classes <= MOST_CLASSES or any(one.dim() != 1 for one in values):
        return None
    ignored = losses[0].made.argument(4, "ignore_index", -100)
    labels = torch.cat(values)
    counts = torch.bincount(labels[(labels >= 0) & (labels != ignored)].long(), minlength=n_classes)
    expected = float(counts.sum()) / n_classes
    is_shifted = int(counts[0]) == 0 and int(counts[1:].min()) > 0 and ignored != 0
    if not is_shifted or expected < LEAST_EXPECTED:
        return None
    return (
        "W",
        "class ids begin at 1: output 0 is never a target",
        f"of {len(labels):,} labels that were looked at none is 0, and all of 1 to {n_classes - 1} come; the net has "
        f"{n_classes} outputs",
        "one output is wasted, and what reads class ids from 0 is off by one",
        f"number the classes from 0, with {n_classes - 1} outputs",
    )


def _shares(losses: list[Loss], values: list[torch.Tensor]) -> _Found | None:
    """Targets as shares of classes must add up to 1 in each row."""
    if any(one.shape != loss.input.shape or one.dim() < 2 for one, loss in zip(values, losses, strict=True)):
        return None
    sums = torch.cat([one.double().sum(1).reshape(-1) for one in values])
    off = (sums - 1).abs() > TOLERANCE
    if float(off.double().mean()) < 0.1:
        return None
    return (
        "W",
        "cross entropy is given shares of classes that do not add up to 1",
        f"{int(off.sum()):,} of {len(sums):,} rows add up to {float(sums.min()):.3g} to {float(sums.max()):.3g}",
        "rows count more or less than others, and several right classes compete with each other",
        "for several labels a row use BCEWithLogitsLoss",
    )

"""L07: a squared error on class ids."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, is_answer, learned, regressions
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Class ids are whole, begin at 0, leave none out, and each class has its fair share; amounts hardly ever do all that.
FEWEST, MOST, LEAST_LABELS, FAIR = 3, 50, 60, 0.4

_ROUNDING = ("round", "floor", "ceil", "trunc", "argmax", "long", "int")
#: Scores of scikit-learn that only classes have.
_SCORES_OF_CLASSES = {"accuracy_score", "confusion_matrix", "classification_report", "balanced_accuracy_score"}
_SCORES_OF_AMOUNTS = {"mean_absolute_error", "mean_squared_error", "r2_score", "median_absolute_error"}
MOST_STEPS = 10


class MseOnClassIds(Rule):
    id: ClassVar[str] = "L07"
    title: ClassVar[str] = "squared error on class ids"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "Ids of classes are names, not amounts: 9 is not three times 3. A squared error on them asks the net for "
        "an order that is not there, and punishes 7 for 1 more than 2 for 1."
    )
    detected: ClassVar[str] = (
        "The targets of a trained squared or absolute error with one output: whole numbers from 0 without a gap, "
        "of which each is about as frequent as the others, that the script takes for classes: it compares rounded "
        "answers for equality, or made amounts of integers and never asks how far off an answer is. Also ids as a "
        "column beside one output a class."
    )
    silent: ClassVar[str] = (
        "Amounts and counts, ratings and other ordered classes (they begin elsewhere, are not evenly spread, or are "
        "scored by how far off the answer is), and two classes as 0 and 1."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
label = torch.arange(120) % 4
x = nn.functional.one_hot(label, 5).float() + 0.1 * torch.randn(120, 5)
net = nn.Linear(5, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x).squeeze(1), label.float())
    loss.backward()
    optimizer.step()
print((net(x).squeeze(1).round() == label).float().mean())
"""
    healthy: ClassVar[str] = sick.replace("label.float())", "label.float() * 1.7)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        pairs = [
            (one.site, one.input, one.target)
            for one in facts.trained_losses("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
            if one.target is not None and one.input.requires_grad and not one.target.requires_grad
        ]
        known = {site for site, _, _ in pairs}
        pairs += [one for one in regressions(facts) if one[0] not in known]
        pairs = [one for one in pairs if one[1].shape and one[2].value is not None]
        if not pairs:
            raise NotApplicable("no error of amounts was trained on")
        for site in dict.fromkeys(site for site, _, _ in pairs):
            here = [(answer, target) for one, answer, target in pairs if one is site]
            labels = torch.cat([target.value.reshape(-1).double() for _, target in here if target.value is not None])
            if all(_is_beside_classes(answer, target) for answer, target in here):
                said = _whole(labels, here[0][0].shape[1])
            elif all(_is_one_output(answer) for answer, _ in here) and _are_meant_as_classes(case, here[0][1]):
                said = _ids(labels)
            else:
                continue
            if said:
                yield self.finding(
                    site,
                    message="the targets of this error are class ids",
                    evidence=said,
                    why="an order is asked for that classes do not have",
                    fix="     give the net one output a class and use CrossEntropyLoss",
                )


def _is_one_output(made: Made) -> bool:
    return len(made.shape) == 1 or made.shape[1:].count(1) == len(made.shape) - 1


def _is_beside_classes(answer: Made, target: Made) -> bool:
    """(rows, classes) against a column, which PyTorch spreads over all classes."""
    is_table = len(answer.shape) == 2 and answer.shape[1] > 1
    return is_table and target.shape == (answer.shape[0], 1)


def _whole(labels: torch.Tensor, n_classes: int) -> str:
    is_whole = bool((labels == labels.round()).all()) and float(labels.min()) >= 0 and float(labels.max()) < n_classes
    if not is_whole or float(labels.max()) < 1:
        return ""
    return f"a column of whole numbers, 0 to {int(labels.max())}, is compared with each of {n_classes} outputs of a row"


def _are_meant_as_classes(case: Case, target: Made) -> bool:
    """Answers are compared for equality, or ids were whole numbers before and no answer is scored by its distance."""
    facts = case.facts
    if any(one.op in ("eq", "ne") and any(_is_rounded_answer(side) for side in one.parents) for one in facts.ops):
        return True
    names: set[str] = set()
    for path in facts.files():
        source = case.sources[path]
        names |= {node.id for node in source.nodes(ast.Name)} | {node.attr for node in source.nodes(ast.Attribute)}
    if names & _SCORES_OF_CLASSES:
        return True
    through = learned(facts)
    is_scored_by_distance = bool(names & _SCORES_OF_AMOUNTS) or any(_is_distance(one, through) for one in facts.ops)
    return _was_whole(target) and not is_scored_by_distance


def _was_whole(made: Made) -> bool:
    while made.dtype is not None and made.dtype.is_floating_point and made.op in SAME_NUMBERS and made.parents:
        made = made.parents[0]
    return made.dtype is not None and not made.dtype.is_floating_point and made.dtype != torch.bool


def _is_distance(made: Made, through: frozenset[int]) -> bool:
    """An absolute error that is no part of a loss that is trained on."""
    is_difference = made.op == "abs" and bool(made.parents) and made.parents[0].op in ("sub", "rsub")
    return (made.op == "l1_loss" or is_difference) and id(made) not in through and is_answer(made)


def _is_rounded_answer(made: Made) -> bool:
    for _ in range(MOST_STEPS):
        if made.op in _ROUNDING or (made.op in SAME_NUMBERS and made.dtype == torch.long):
            return is_answer(made)
        if not made.parents or made.op not in SAME_NUMBERS | {"clamp"}:
            return False
        made = made.parents[0]
    return False


def _ids(labels: torch.Tensor) -> str:
    if len(labels) < LEAST_LABELS or not bool((labels == labels.round()).all()) or float(labels.min()) != 0:
        return ""
    n = int(labels.max()) + 1
    if not FEWEST <= n <= MOST:
        return ""
    shares = torch.bincount(labels.long(), minlength=n).double() / len(labels)
    if float(shares.min()) * n < FAIR or float(shares.max()) * n > 1 / FAIR:
        return ""
    return (
        f"{len(labels):,} targets that were looked at are whole numbers 0 to {n - 1}, each with "
        f"{100 * float(shares.min()):.0f} to {100 * float(shares.max()):.0f} % of them"
    )

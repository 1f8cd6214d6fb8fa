"""S12: labels compared with class indices of another encoding."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import ClassVar

import torch

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Exchanging classes must make so much of the answers right, and so much more than as they stand.
RIGHT_AFTER, GAIN, LEAST_ROWS, MOST_CLASSES = 0.8, 0.4, 30, 6


class OtherEncoding(Rule):
    id: ClassVar[str] = "S12"
    title: ClassVar[str] = "labels of another encoding"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A net answers with the index of a class as it was numbered for training. Compared with labels that are "
        "numbered otherwise (from 1, or by a second encoder fitted on other rows) right answers count as wrong."
    )
    detected: ClassVar[str] = (
        "Comparisons of an argmax with labels: labels that no index can be, beside training targets that start at "
        "0; or answers that are nearly all right once classes are exchanged, and mostly wrong as they stand."
    )
    silent: ClassVar[str] = "Comparisons where labels are among the indices and no exchange explains the mistakes."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
label = torch.randint(1, 4, (120,))
x = nn.functional.one_hot(label, 4).float() + 0.1 * torch.randn(120, 4)
net = nn.Linear(4, 3)
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
for epoch in range(40):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[:80]), label[:80] - 1).backward()
    optimizer.step()
with torch.no_grad():
    print("accuracy", (net(x[80:]).argmax(1) == label[80:]).float().mean().item())
"""
    healthy: ClassVar[str] = sick.replace(".argmax(1) == label[80:]", ".argmax(1) == label[80:] - 1")

    def judge(self, case: Case) -> Iterable[Finding]:
        pairs: dict[object, list[tuple[Made, torch.Tensor, torch.Tensor, int]]] = {}
        for made in case.facts.ops:
            found = _answers_and_labels(made)
            if found is not None:
                pairs.setdefault(made.site, []).append((made, *found))
        if not pairs:
            raise NotApplicable("no argmax was compared with labels")
        trained = case.facts.trained_losses("cross_entropy", "nll_loss", "multi_margin_loss")
        is_taught = any(one.target is not None and not _is_float(one.target) for one in trained)
        for found_here in pairs.values():
            made, _, _, n_classes = found_here[-1]
            recent = [one for one in found_here[-3:] if one[3] == n_classes]
            answers = torch.cat([one[1] for one in recent])
            labels = torch.cat([one[2] for one in recent])
            said = _outside(case, labels, n_classes)
            if not said and is_taught:  # clusters are matched with labels afterwards
                said = _exchanged(answers, labels, n_classes)
            if said:
                yield self.finding(
                    made.site,
                    message="the labels are numbered otherwise than the net's classes",
                    evidence=said,
                    why="right answers count as wrong",
                    fix="     use one encoding for all parts: fit it on the training labels, apply it to the others",
                )


def _is_float(made: Made) -> bool:
    return made.dtype is not None and made.dtype.is_floating_point


def _answers_and_labels(made: Made) -> tuple[torch.Tensor, torch.Tensor, int] | None:
    """The indices, the labels and the number of classes of `argmax(...) == labels`."""
    if made.op != "eq" or len(made.parents) != 2:
        return None
    for answer, label in (made.parents, made.parents[::-1]):
        source = origin(answer)
        if source.op not in ("argmax", "max", "topk") or answer.value is None or label.value is None:
            continue
        given = source.parents[0] if source.parents else None
        if given is None or len(given.shape) < 2 or answer.shape != label.shape or answer.value.is_floating_point():
            continue
        if not any(one.op == "parameter" for one in given.walk()) or any(one.op == "parameter" for one in label.walk()):
            continue
        return answer.value.reshape(-1), label.value.reshape(-1).long(), given.shape[1]
    return None


def _outside(case: Case, labels: torch.Tensor, n_classes: int) -> str:
    """Labels that are no index of a class, while the targets that were trained on are."""
    targets = [one.target.value for one in case.facts.trained_losses("cross_entropy", "nll_loss") if one.target]
    known = [one for one in targets if one is not None and not one.is_floating_point() and one.numel()]
    if not known or not len(labels) or not (int(labels.max()) >= n_classes or int(labels.min()) < 0):
        return ""
    low, high = min(int(one.min()) for one in known), max(int(one.max()) for one in known)
    if low < 0 or high >= n_classes:
        return ""
    return (
        f"the labels go from {int(labels.min())} to {int(labels.max())}; the net answers 0 to {n_classes - 1}, and was "
        f"trained on {low} to {high}"
    )


def _exchanged(answers: torch.Tensor, labels: torch.Tensor, n_classes: int) -> str:
    """Answers that are right once classes are exchanged."""
    if len(labels) < LEAST_ROWS or not 2 < n_classes <= MOST_CLASSES or labels.min() < 0 or labels.max() >= n_classes:
        return ""
    counts = torch.bincount(answers * n_classes + labels, minlength=n_classes**2).reshape(n_classes, n_classes)
    right = float(counts.diagonal().sum()) / len(labels)
    best = max(permutations(range(n_classes)), key=lambda order: int(counts[range(n_classes), list(order)].sum()))
    after = float(counts[range(n_classes), list(best)].sum()) / len(labels)
    if after < RIGHT_AFTER or after - right < GAIN:
        return ""
    moved = ", ".join(f"{i} for {j}" for i, j in enumerate(best) if i != j)
    return f"{100 * right:.0f} % of {len(labels)} answers agree as they stand, {100 * after:.0f} % with {moved}"

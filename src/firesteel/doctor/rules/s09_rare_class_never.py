"""S09: the rare class is never predicted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Facts, Forward, Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import KEEP_FROM_LEARNING, Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.updates import has_learned

#: A class with a smaller share of the labels is rare, if that is also less than so much of what each class would have
#: if all were as frequent; so many of it are to be expected among what is evaluated.
RARE, OF_AN_EQUAL_SHARE, LEAST_EXPECTED = 0.15, 0.5, 5.0
#: The answers are those of one class if so many are.
NEARLY_ALL = 0.95
_THRESHOLDS = {"binary_cross_entropy_with_logits": 0.0, "binary_cross_entropy": 0.5}


class RareClassNever(Rule):
    id: ClassVar[str] = "S09"
    title: ClassVar[str] = "imbalance: the rare class is never predicted"
    level: ClassVar[Level] = "W"
    consequence_of: ClassVar[tuple[str, ...]] = (*KEEP_FROM_LEARNING, "O08", "D06", "D09")
    what: ClassVar[str] = (
        "Where 97 of 100 rows are of one class, always saying that class is 97 % right. A net that does just that "
        "looks good by accuracy and finds nothing of what it was made for."
    )
    detected: ClassVar[str] = (
        "The shares of the labels that were trained on, and the answers of the last evaluations: a class with "
        "less than 15 % of the labels, and less than half of an equal share, is not among them, though five or more "
        "rows of it are to be expected. It is a note where the other classes are told apart."
    )
    silent: ClassVar[str] = (
        "Classes that are predicted at least once, classes that are as frequent as others, and evaluations too small "
        "to expect any; a run that was stopped before its end."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 3)
y = (torch.rand(600) < 0.06).float()
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
for epoch in range(40):
    optimizer.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(net(x[:400]).squeeze(1), y[:400]).backward()
    optimizer.step()
with torch.no_grad():
    print("accuracy", ((net(x[400:]).squeeze(1) > 0).float() == y[400:]).float().mean().item())
"""
    healthy: ClassVar[str] = sick.replace("(torch.rand(600) < 0.06)", "(x[:, 0] > 1.4)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        losses = [one for one in facts.trained_losses("cross_entropy", *_THRESHOLDS) if _labels(one) is not None]
        if not losses:
            raise NotApplicable("no classes were trained on")
        if facts.stopped:
            raise NotApplicable("the script was stopped before its end: it may be predicted there")
        if not has_learned(facts):
            raise NotApplicable("no weight was ever changed: there is nothing that could have been learned")
        last = losses[-1]
        labels = torch.cat([found for one in losses if (found := _labels(one)) is not None])
        answers = _answers(facts, last)
        if answers is None:
            raise NotApplicable("no evaluation of the classes was looked at")
        classes, counts = torch.unique(labels, return_counts=True)
        rare = min(RARE, OF_AN_EQUAL_SHARE / len(classes))
        often = classes[counts.argmax()].item()
        is_one_answer = float((answers == often).float().mean()) >= NEARLY_ALL
        for label, count in zip(classes.tolist(), counts.tolist(), strict=True):
            share = count / len(labels)
            expected = share * len(answers)
            if len(classes) > 1 and share < rare and expected >= LEAST_EXPECTED and label not in answers:
                yield self.finding(
                    _where(last),
                    level="W" if is_one_answer else "N",
                    message=f"class {label} is never predicted",
                    evidence=f"{100 * share:.1f} % of {len(labels):,} labels looked at are {label}; none of "
                    f"{len(answers):,} evaluated rows was called so, where {expected:.0f} are to be expected",
                    why=f"the accuracy is that of always saying class {often}"
                    if is_one_answer
                    else "the accuracy hardly shows it, as there are so few of them",
                    fix="     weigh the rare class (pos_weight, weight), and look at recall instead of accuracy",
                )


def _where(loss: Loss) -> Site:
    """The line that a weight goes into: where the loss was made as a module of PyTorch's, or is called."""
    module = loss.made.module
    is_made = module is not None and not module.has_users_forward and module.site is not None
    return module.site if is_made and module is not None and module.site is not None else loss.site


def _labels(loss: Loss) -> torch.Tensor | None:
    """Labels as whole numbers `(n,)`; None for soft or several targets a row."""
    value = loss.target.value if loss.target is not None else None
    if value is None or value.numel() == 0:
        return None
    if loss.name == "cross_entropy":
        return value if not value.is_floating_point() and value.dim() == 1 else None
    flat = value.reshape(-1) if value.dim() == 1 or value.shape[1:].numel() == 1 else None
    return flat.long() if flat is not None and bool(((flat == 0) | (flat == 1)).all()) else None


def _answers(facts: Facts, loss: Loss) -> torch.Tensor | None:
    """The classes of all rows in the evaluations behind the last training step that was looked at."""
    shape = loss.input.shape
    evaluated = [one for one in facts.evaluated() if one.output is not None and one.output.value is not None]
    if not evaluated:
        return None
    latest = evaluated[-1].step
    values = [_classes(one, loss, shape) for one in evaluated if one.step == latest]
    known = [one for one in values if one is not None]
    return torch.cat(known) if known else None


def _classes(forward: Forward, loss: Loss, shape: tuple[int, ...]) -> torch.Tensor | None:
    value = forward.output.value if forward.output is not None else None
    if value is None or not value.is_floating_point() or not bool(torch.isfinite(value).all()):
        return None
    if loss.name == "cross_entropy":
        return value.argmax(1) if value.dim() == 2 and value.shape[1:] == shape[1:] else None
    return (value.reshape(-1) > _THRESHOLDS[loss.name]).long() if value.numel() == len(value) else None

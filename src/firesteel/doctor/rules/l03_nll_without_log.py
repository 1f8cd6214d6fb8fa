"""L03: NLLLoss on what are not log-probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Probabilities of a row add up to 1 but for so much.
TOLERANCE = 0.01


class NllWithoutLog(Rule):
    id: ClassVar[str] = "L03"
    title: ClassVar[str] = "NLLLoss on what are not log-probabilities"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "NLLLoss only picks the number of the right class and turns its sign. Given logits the loss falls below 0 "
        "without end; given probabilities their logarithm is missing, and confident mistakes hardly cost "
        "anything."
    )
    detected: ClassVar[str] = (
        "The numbers that the loss was given: the exponentials of each row must add up to 1 over the classes, and "
        "do not."
    )
    silent: ClassVar[str] = "log_softmax, or the logarithm of a softmax, before NLLLoss."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(128, 4), torch.randint(0, 3, (128,))
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
criterion = nn.NLLLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    loss = criterion(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("criterion(net(x), y)", "criterion(net(x).log_softmax(1), y)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = [one for one in case.facts.trained_losses("nll_loss") if len(one.input.shape) > 1]
        if not losses:
            raise NotApplicable("no NLLLoss over classes was trained on")
        for site in dict.fromkeys(one.site for one in losses):
            here = [one for one in losses if one.site is site]
            said = [_sums(one) for one in here]
            if not all(one is not None for one in said) or not said or origin(here[0].input).op == "log_softmax":
                continue
            made = origin(here[0].input)
            low, high = min(one[0] for one in said if one), max(one[1] for one in said if one)
            is_proba = made.op == "softmax"
            yield self.finding(
                made.creation if is_proba else site,
                message="NLLLoss is given probabilities without their logarithm"
                if is_proba
                else "NLLLoss is given raw scores, not log-probabilities",
                evidence=f"the exponentials of a row's numbers add up to {low:.3g} to {high:.3g}, not to 1",
                why="the loss does not measure how wrong the net is",
                fix="     write log_softmax for softmax"
                if is_proba
                else "     use CrossEntropyLoss, or log_softmax before it",
            )


def _sums(loss: Loss) -> tuple[float, float] | None:
    """The least and the largest sum of a row's exponentials, if most rows miss 1; None if they are fine."""
    value = loss.input.value
    if value is None or not value.is_floating_point():
        return None
    sums = value.double().exp().sum(1)
    is_off = (sums - 1).abs() > TOLERANCE
    return (float(sums.min()), float(sums.max())) if float(is_off.double().mean()) > 0.5 else None

"""L10: KLDiv inputs that are no logarithms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import TOLERANCE, is_logarithm, is_swapped
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: A probability is not below 0, and its logarithm not above, but for rounding.
CLEARLY = 1e-3


class KlWithoutLog(Rule):
    id: ClassVar[str] = "L10"
    title: ClassVar[str] = "KLDiv inputs that are no logarithms"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "KLDivLoss takes log-probabilities first, and probabilities as the target (or their logarithms, with "
        "log_target=True). Given probabilities first, or logits, it is no distance between distributions: it can be "
        "negative, and its least value lies elsewhere."
    )
    detected: ClassVar[str] = (
        "No logarithm was taken on the way from the last layer to the first argument, whose exponentials do not add up "
        "to 1; or the target holds numbers below 0 (a logarithm) where probabilities are wanted, or the other way "
        "round."
    )
    silent: ClassVar[str] = (
        "log_softmax or the logarithm of probabilities first, and probabilities second (or their logarithms with "
        "log_target=True)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
shares = torch.randn(128, 3).softmax(1)
net = nn.Linear(4, 3)
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = criterion(net(x).softmax(1), shares)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net(x).softmax(1)", "net(x).log_softmax(1)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = [one for one in case.facts.trained_losses("kl_div") if not is_swapped(one)]
        if not losses:
            raise NotApplicable("no KLDivLoss was trained on")
        for one in {loss.site: loss for loss in losses}.values():
            message, said = _of_first(one) or _of_second(one) or ("", "")
            if message:
                yield self.finding(
                    one.site,
                    message=message,
                    evidence=said,
                    why="it is no distance between the two distributions",
                    fix="     give it log_softmax(...) first, and softmax(...) or log_target=True second",
                )


def _of_first(loss: Loss) -> tuple[str, str] | None:
    given, value = loss.input, loss.input.value
    if is_logarithm(given):
        return None
    said = f"no logarithm was taken: they were made by {origin(given).op}"
    if value is not None and value.is_floating_point() and value.numel():
        sums = [value.double().exp().sum(dim) for dim in range(value.dim())]
        if any(bool(((one - 1).abs() < TOLERANCE).all()) for one in sums):
            return None
        said += f", and go from {float(value.min()):.3g} to {float(value.max()):.3g}"
    return "KLDivLoss is given probabilities or logits where it wants log-probabilities", said


def _of_second(loss: Loss) -> tuple[str, str] | None:
    value = loss.target.value if loss.target is not None else None
    if value is None or not value.numel() or not value.is_floating_point():
        return None
    low, high = float(value.min()), float(value.max())
    is_log = loss.made.argument(5, "log_target", False) is True
    if not is_log and low < -CLEARLY:
        return (
            "the target of KLDivLoss holds logarithms",
            f"it goes from {low:.3g} to {high:.3g}, without log_target=True",
        )
    if is_log and high > CLEARLY:
        return (
            "the target of KLDivLoss holds no logarithms",
            f"it goes from {low:.3g} to {high:.3g}, with log_target=True",
        )
    return None

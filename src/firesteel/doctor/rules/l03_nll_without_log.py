"""L03: NLLLoss on what are not log-probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loss, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import TOLERANCE, is_logarithm
from firesteel.doctor.lineage import origin
from firesteel.doctor.ranges import range_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


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
        "No logarithm was taken on the way from the last layer to the loss, and the exponentials of a row's numbers "
        "do not add up to 1 over the classes. The logarithm of a sigmoid counts, too: its classes do not share 1."
    )
    silent: ClassVar[str] = (
        "log_softmax or the logarithm of probabilities before NLLLoss, also weighed (focal loss), masked or mixed."
    )
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
            here = [one for one in losses if one.site is site and one.input.requires_grad]
            if not here or not all(_is_no_log(one.input) for one in here):
                continue
            sums = [_sums(one) for one in here]
            known = [one for one in sums if one is not None]
            if known and not all(is_off for _, _, is_off in known):
                continue
            yield self._describe(case, here[0], known)

    def _describe(self, case: Case, loss: Loss, known: list[tuple[float, float, bool]]) -> Finding:
        made, found = origin(loss.input), range_of(loss.input)
        is_softmax = made.op == "softmax"
        site = made.creation if is_softmax else loss.site
        what = "raw scores, not log-probabilities"
        if made.op in ("log", "logsigmoid"):
            what = "logarithms of sigmoids, which do not share 1 among the classes"
        elif found.low >= 0 and found.high <= 1:
            what = "probabilities without their logarithm"
        said = ""
        if known:
            low, high = min(one[0] for one in known), max(one[1] for one in known)
            said = f"; the exponentials of a row's numbers add up to {low:.3g} to {high:.3g}, not to 1"
        return self.finding(
            site,
            message=f"NLLLoss is given {what}",
            evidence=f"what the loss on line {loss.site.line} was given was made by {made.op}{said}",
            why="the loss does not measure how wrong the net is",
            fix="     write log_softmax for softmax"
            if is_softmax
            else "     take the logarithm of them, e.g. p.clamp_min(1e-9).log(), before the loss"
            if found.low >= 0 and found.high <= 1
            else "     use CrossEntropyLoss, or log_softmax before it",
        )


def _is_no_log(given: Made) -> bool:
    made = origin(given)
    if made.op == "logsigmoid":
        return True
    if made.op == "log" and made.parents:
        cause = range_of(made.parents[0]).cause
        return cause is not None and cause.op == "sigmoid"
    return not is_logarithm(given)


def _sums(loss: Loss) -> tuple[float, float, bool] | None:
    """The least and the largest sum of a row's exponentials, and whether most rows miss 1; None where unknown."""
    value = loss.input.value
    if value is None or not value.is_floating_point():
        return None
    sums = value.double().exp().sum(1)
    is_off = (sums - 1).abs() > TOLERANCE
    return float(sums.min()), float(sums.max()), float(is_off.double().mean()) > 0.5

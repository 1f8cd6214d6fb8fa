"""V08: evaluation builds graphs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class EvaluationBuildsGraphs(Rule):
    id: ClassVar[str] = "V08"
    title: ClassVar[str] = "evaluation builds graphs"
    level: ClassVar[Level] = "N"
    what: ClassVar[str] = (
        "While gradients are enabled, PyTorch keeps what a backward would need of every operation. An evaluation "
        "that nobody takes a backward of pays for it in memory and time."
    )
    detected: ClassVar[str] = (
        "A call of a net that no backward followed, with gradients enabled and an output that requires them."
    )
    silent: ClassVar[str] = "Calls under torch.no_grad() or torch.inference_mode(), and nets whose weights are frozen."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(150, 4), torch.randn(150, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[:100]), y[:100]).backward()
    optimizer.step()
prediction = net(x[100:])
print("error", (prediction - y[100:]).abs().mean().item())
"""
    healthy: ClassVar[str] = sick.replace(
        "prediction = net(x[100:])", "with torch.no_grad():\n    prediction = net(x[100:])"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        evaluated = [one for one in case.facts.evaluated() if one.is_hot and one.output is not None]
        if not evaluated or not case.facts.n_backwards:
            raise NotApplicable("no evaluation beside a training was seen")
        by_site = {one.site: one for one in evaluated if one.has_grad and one.output and one.output.requires_grad}
        for site in by_site:
            n = sum(other.site is site for other in case.facts.forwards)
            yield self.finding(
                site,
                message="this evaluation builds a graph that no backward uses",
                evidence=f"{n:,} call{'s' * (n != 1)} with gradients enabled, whose output requires them",
                why="memory and time for nothing",
                fix=case.sources.of(site).put_under(site.line, "with torch.no_grad():"),
            )

"""V02: trained in evaluation mode."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Forward
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class StuckInEval(Rule):
    id: ClassVar[str] = "V02"
    title: ClassVar[str] = "stuck in eval()"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "eval() lasts until train(). A net that is put into evaluation mode for a score and not taken out of it "
        "trains on without dropout, and its batch norm keeps the statistics of the start."
    )
    detected: ClassVar[str] = (
        "A call of a net in evaluation mode whose backward was followed by a step, while the net has layers of "
        "dropout or batch norm and none of them is in training mode."
    )
    silent: ClassVar[str] = (
        "Parts that are put into evaluation mode on purpose (a frozen backbone, frozen batch norm) while the net "
        "itself is in training mode; nets without such layers; gradients by the input alone, without a step."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(150, 4), torch.randint(0, 2, (150,))
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(10):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[:100]), y[:100]).backward()
    optimizer.step()
    net.eval()
    with torch.no_grad():
        print("accuracy", (net(x[100:]).argmax(1) == y[100:]).float().mean().item())
"""
    healthy: ClassVar[str] = sick.replace("    optimizer.zero_grad()", "    net.train()\n    optimizer.zero_grad()")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        trained = [one for one in facts.trained() if one.is_hot and one.modes]
        if not trained:
            raise NotApplicable("no dropout or batch norm is in the nets that were trained")
        idle = [one for one in trained if one.has_grad and not one.is_training and not any(one.modes.values())]
        stuck = [one for one in idle if _is_stepped(facts, one)]
        for site in dict.fromkeys(one.site for one in stuck):
            here = [one for one in stuck if one.site is site]
            n = sum(one.site is site for one in trained)
            kinds = " and ".join(here[0].module.stateful)
            yield self.finding(
                site,
                message=f"the net is trained in evaluation mode: its {kinds} do nothing",
                evidence=f"{len(here)} of {n} training calls that were looked at; {_since(facts, here[0])}",
                why="dropout does not act, and batch norm keeps the statistics of the start",
                fix=case.sources.of(site).insert_before(site.line, "NET.train()  # before training goes on"),
            )


def _is_stepped(facts: Facts, forward: Forward) -> bool:
    """A backward and then a step follow before the next call of the net for training."""
    starts = [one.at for one in facts.backwards]
    place = bisect_right(starts, forward.at)
    if place == len(starts):
        return False
    steps = [one.at for one in facts.steps]
    step = bisect_right(steps, starts[place])
    if not facts.steps:
        return any(param.n_by_hand for param in facts.backwards[place].reached_params)
    return step < len(steps) and (place + 1 == len(starts) or steps[step] < starts[place + 1])


def _since(facts: Facts, forward: Forward) -> str:
    before = [one for one in facts.switches if one.at < forward.at and not one.is_training]
    if not before:
        return "train() was never called"
    return f"eval() was called on line {before[-1].site.line}, and no train() since"

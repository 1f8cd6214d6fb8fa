"""V02: trained in evaluation mode."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import within_graph
from firesteel.doctor.owners import name_of_net
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: Where fewer of a net's parameters learn, it is held fixed on purpose, with its statistics, but for a new part.
MOST_OF_A_NET = 0.5
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d")


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
        "itself is in training mode; nets most of whose parameters are frozen; nets without such layers; gradients by "
        "the input alone, and nets whose weights the step does not change (a teacher, a critic)."
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
        trained = [one for one in facts.trained() if one.is_hot and (one.modes or _functional(one))]
        if not trained:
            raise NotApplicable("no dropout or batch norm is in the nets that were trained")
        idle = [one for one in trained if one.has_grad and not one.is_training and not _acts(one)]
        stuck = [one for one in idle if _is_stepped(facts, one)]
        for site in dict.fromkeys(one.site for one in stuck):
            here = [one for one in stuck if one.site is site]
            n = sum(one.site is site for one in trained)
            kinds = " and ".join(here[0].module.stateful) or "functional dropout"
            place = _switched_beside(case, here[0]) or site
            yield self.finding(
                place,
                message=f"the net is trained in evaluation mode: its {kinds} does nothing",
                evidence=f"{len(here)} of {n} training calls that were looked at; {_since(facts, here[0])}",
                why="dropout does not act, and batch norm keeps the statistics of the start",
                fix=case.sources.of(site).insert_before(
                    site.line, f"{name_of_net(case.sources, facts, here[0])}.train()  # before training goes on"
                ),
            )


def _functional(forward: Forward) -> list[Made]:
    """Functional dropout within a call that would act in training."""
    walked = forward.output.walk() if forward.output is not None else ()
    found = [made for made in walked if made.at > forward.at and made.op in _DROPOUTS]
    return [made for made in found if made.argument(1, "p", 0.5) != 0]


def _acts(forward: Forward) -> bool:
    """A layer works as in training."""
    return any(forward.modes.values()) or any(made.argument(2, "training", True) for made in _functional(forward))


def _is_stepped(facts: Facts, forward: Forward) -> bool:
    """A backward and then a step that changes weights of this net follow before the next call of it for training."""
    starts = [one.at for one in facts.backwards]
    place = bisect_right(starts, forward.at)
    if place == len(starts):
        return False
    backward = facts.backwards[place]
    if backward.made is not None:
        graph = {id(one) for one in within_graph(backward.made)}
        if not any(id(one) in graph for one in forward.outputs):  # gradients by the input were asked for, say
            return False
    own = {id(param) for param in forward.module.params} & backward.reached
    if len(own) < MOST_OF_A_NET * len(forward.module.params):
        return False
    if not facts.steps:
        return any(param.n_by_hand for param in backward.reached_params if id(param) in own)
    ats = [one.at for one in facts.steps]
    end = starts[place + 1] if place + 1 < len(starts) else ats[-1] + 1
    following = facts.steps[bisect_right(ats, starts[place]) : bisect_right(ats, end)]
    return any(id(param) in own for one in following for param in one.optimizer.params)


def _switched_beside(case: Case, forward: Forward) -> Site | None:
    """The eval() that the net was left in, if it stands in the function of the training itself."""
    before = [one for one in case.facts.switches if one.at < forward.at and one.module is forward.module]
    if not before or before[-1].is_training or before[-1].site.path != forward.site.path:
        return None
    source = case.sources.of(forward.site)
    switched, trained = (source.function_around(one.line) for one in (before[-1].site, forward.site))
    return before[-1].site if switched is trained else None


def _since(facts: Facts, forward: Forward) -> str:
    before = [one for one in facts.switches if one.at < forward.at and not one.is_training]
    if not before:
        return "train() was never called"
    return f"eval() was called on line {before[-1].site.line}, and no train() since"

"""L05: cross entropy or softmax over one class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin, softmax_dim
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class OneClass(Rule):
    id: ClassVar[str] = "L05"
    title: ClassVar[str] = "cross entropy or softmax over one class"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "The softmax of a single number is 1, whatever the number. Cross entropy over one output is always 0, a "
        "softmax over a dimension of size 1 always 1: nothing is learned, and no error is raised."
    )
    detected: ClassVar[str] = (
        "The size of the class dimension of cross entropy, and of the dimension of an output softmax."
    )
    silent: ClassVar[str] = (
        "One output with a sigmoid and a binary loss; a softmax over a sequence that may be of length 1."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = torch.zeros(128, dtype=torch.long)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("nn.Linear(4, 1)", "nn.Linear(4, 2)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        classes = facts.trained_losses("cross_entropy", "nll_loss")
        outputs = [one.output for one in facts.trained() if one.output is not None]
        made = [origin(one) for one in [*outputs, *(one.input for one in facts.losses if one.is_trained)]]
        squashed = {one.creation: one for one in made if one.op in ("softmax", "log_softmax")}
        if not classes and not squashed:
            raise NotApplicable("no cross entropy and no softmax at an output was trained")
        for site in dict.fromkeys(one.site for one in classes if len(one.input.shape) > 1 and one.input.shape[1] == 1):
            shape = next(one.input.shape for one in classes if one.site is site)
            yield self.finding(
                site,
                message="cross entropy over a single output is always 0",
                evidence=f"its input has shape {shape}: one class",
                why="the loss and all gradients are 0, whatever the net says",
                fix="     give the net one output a class, or use BCEWithLogitsLoss with one output",
            )
        for site, one in squashed.items():
            if _is_single(one):
                yield self.finding(
                    site,
                    message="a softmax over a dimension of size 1 is always 1",
                    evidence=f"its shape is {one.shape}, its dimension {softmax_dim(one)}",
                    why="the output is constant, whatever the net says",
                    fix="     use a sigmoid for one output, or one output a class",
                )


def _is_single(made: Made) -> bool:
    dim = softmax_dim(made)
    return dim is not None and len(made.shape) > 1 and made.shape[dim] == 1 and made.shape[0] > 1

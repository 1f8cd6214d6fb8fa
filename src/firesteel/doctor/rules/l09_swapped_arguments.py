"""L09: the arguments of a loss are swapped."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import is_swapped
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: Losses in which the two sides mean different things.
_ONE_WAY = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div",
    "poisson_nll_loss", "gaussian_nll_loss", "soft_margin_loss", "hinge_embedding_loss", "multi_margin_loss",
    "multilabel_soft_margin_loss", "multilabel_margin_loss",
)  # fmt: skip


class SwappedArguments(Rule):
    id: ClassVar[str] = "L09"
    title: ClassVar[str] = "swapped loss arguments"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "PyTorch's losses take the answer first and the target second. The other way round some raise an error; "
        "those that take numbers on both sides run, and measure something else."
    )
    detected: ClassVar[str] = (
        "Which side was computed from weights: the second one was, and the first was not, in a loss whose sides "
        "are not alike."
    )
    silent: ClassVar[str] = (
        "Squared and absolute errors, which are the same either way; losses with nets on both sides; the divergence "
        "from a fixed distribution whose logarithm stands first."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = (x[:, :1] > 0).float()
net = nn.Linear(4, 1)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = criterion(y, net(x))
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("criterion(y, net(x))", "criterion(net(x), y)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = [one for one in case.facts.trained_losses(*_ONE_WAY) if one.target is not None]
        if not losses:
            raise NotApplicable("no loss whose two sides differ was trained on")
        for one in {loss.site: loss for loss in losses}.values():
            if one.target is not None and is_swapped(one):
                yield self.finding(
                    _place(case, one),
                    message=f"{one.name} is given the target first and the answer second",
                    evidence=f"its second argument, {one.target.shape}, was computed from weights; its first, "
                    f"{one.input.shape}, was not",
                    why="it measures something else than how wrong the answer is",
                    fix="     write criterion(answer, target)",
                )


def _place(case: Case, loss: Loss) -> Site:
    """The call that swaps them: a function of the user's that hands its arguments on in their order does not."""
    sites = loss.callers or (loss.site,)
    for site, outer in itertools.pairwise(sites):
        source = case.sources.of(site)
        node, function = source.node_at(site), source.function_around(site.line)
        if not isinstance(node, ast.Call) or function is None or len(node.args) < 2:
            return site
        names = [one.id for one in node.args[:2] if isinstance(one, ast.Name)]
        given = [one.arg for one in function.args.args]
        is_handed_on = len(names) == 2 and all(name in given for name in names)
        if not is_handed_on or given.index(names[0]) > given.index(names[1]) or not outer.is_users:
            return site
    return sites[-1]

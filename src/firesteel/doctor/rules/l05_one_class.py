"""L05: cross entropy or softmax over one class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.dimensions import SOFTMAXES
from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, origin, softmax_dim
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: What stands between the scores of attention and their softmax.
SCALED = SAME_NUMBERS | {"div", "mul", "add", "masked_fill", "where", *SOFTMAXES}
PRODUCTS = frozenset({"matmul", "bmm", "einsum", "baddbmm", "mm"})


class OneClass(Rule):
    id: ClassVar[str] = "L05"
    title: ClassVar[str] = "cross entropy or softmax over one class"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "The softmax of a single number is 1, whatever the number. Cross entropy over one output is always 0, a "
        "softmax over a dimension of size 1 always 1: nothing is learned, and no error is raised."
    )
    detected: ClassVar[str] = (
        "The size of the class dimension of cross entropy, and of the dimension of a softmax whose numbers are the "
        "net's output or go into a loss, or that scores with a single output are given while another dimension is "
        "the one that has several."
    )
    silent: ClassVar[str] = (
        "One output with a sigmoid and a binary loss; a softmax inside the net over a sequence that may be of length 1."
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
        classes = [one for one in facts.trained_losses("cross_entropy", "nll_loss") if one.input.shape]
        softmaxes = [one for one in facts.ops if one.op in SOFTMAXES and one.parents]
        if not classes and not softmaxes:
            raise NotApplicable("no cross entropy was trained on, and no softmax was seen")
        single: set[Site] = set()
        for site in dict.fromkeys(one.site for one in classes):
            shapes = [one.input.shape for one in classes if one.site is site]
            if any(shape[1 if len(shape) > 1 else 0] != 1 for shape in shapes):
                continue
            single.add(site)
            yield self.finding(
                site,
                message="cross entropy over a single output is always 0",
                evidence=f"its input has shape {shapes[0]}: one class",
                why="the loss and all gradients are 0, whatever the net says",
                fix="     give the net one output a class, or use BCEWithLogitsLoss with one output",
            )
        for site, made in _over_one(facts, softmaxes).items():
            if site not in single:
                yield self.finding(
                    site,
                    message=f"a {made.op} over a dimension of size 1 is always {1 if made.op == 'softmax' else 0}",
                    evidence=f"its shape is {made.shape}, and it goes over dimension {softmax_dim(made)}",
                    why="what comes out is constant, whatever the net says",
                    fix="     use a sigmoid for one output, or one output a class; for weights the dimension of "
                    "what is summed",
                )


def _over_one(facts: Facts, softmaxes: list[Made]) -> dict[Site, Made]:
    """Softmaxes that were over a single number whenever they were seen, where that is no matter of the data."""
    outputs = {id(origin(one)) for forward in facts.forwards for one in forward.outputs}
    taken = {id(origin(one.input)) for one in facts.losses if one.is_trained}
    found: dict[Site, Made] = {}
    varying = {one.creation for one in softmaxes if not _is_single(one)}
    for made in softmaxes:
        if made.creation in varying or made.creation in found:
            continue
        given = origin(made.parents[0])
        is_output = id(made) in outputs | taken or id(given) in outputs
        if _is_of_pairs(made):
            continue
        if is_output or (_has_one_output(given) and _has_others(made)):
            found[made.creation] = made
    return found


def _is_of_pairs(made: Made) -> bool:
    """Scores of computed things against each other, as of attention: how many there are is a matter of the data."""
    while made.op in SCALED and made.parents:
        made = made.parents[0]
    return made.op in PRODUCTS and all(origin(one).param is None for one in made.parents)


def _is_single(made: Made) -> bool:
    dim = softmax_dim(made)
    return dim is not None and len(made.shape) > 1 and made.shape[dim] == 1


def _has_one_output(made: Made) -> bool:
    weight = made.argument(1, "weight")
    return made.op == "linear" and isinstance(weight, Made) and weight.shape[:1] == (1,)


def _has_others(made: Made) -> bool:
    """(rows, steps, 1): the steps, not the single score, are to share 1."""
    return len(made.shape) > 2 and max(made.shape[1:]) > 1

"""O08: accumulated gradients not scaled."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mode
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Forward, Made, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.updates import steps_of

#: Of so many rows at least a loss is a mean over a batch.
A_BATCH = 2
#: Operations of which the result is a loss as a sum of terms or a mean of them.
_SUMS = {"add", "sub", "neg", "abs", "sqrt", "exp", "log", "clamp"}


class AccumulationNotScaled(Rule):
    id: ClassVar[str] = "O08"
    title: ClassVar[str] = "accumulated gradients not scaled"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "Gradients of several batches are added up before one step, but the loss of each is a mean over its own batch: "
        "the sum is as many times too large, as if the learning rate were, and a last group that is smaller has "
        "another size."
    )
    detected: ClassVar[str] = (
        "At each step: how many backwards of one line have added to the gradients since they were cleared? With two or "
        "more, of different batches, neither the loss nor the gradients must have been left undivided."
    )
    silent: ClassVar[str] = (
        "Losses divided by anything, gradients divided by hand before the step, sums over rows instead of means, "
        "clipped gradients, several losses of different lines or of the same rows, a batch of each of the "
        "same tables at every step (a sum over tasks), and single rows (episodes, sequences)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
for epoch in range(5):
    optimizer.zero_grad()
    for i in range(16):
        rows = slice(8 * i, 8 * i + 8)
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
"""
    healthy: ClassVar[str] = sick.replace("loss.backward()", "(loss / 4).backward()")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        groups = {id(one): [step for step in steps_of(facts, one) if len(step.applied) > 1] for one in facts.optimizers}
        if not any(groups.values()):
            raise NotApplicable("no gradients were accumulated")
        if any(one.name == "autograd_grad" for one in facts.calls):  # nested loops over tasks
            return
        for optimizer in facts.optimizers:
            steps = groups[id(optimizer)]
            same = [one for one in steps if len({backward.site for backward in one.applied}) == 1]
            if len(same) < 2 or 2 * len(same) < optimizer.n_steps:
                continue
            seen = [one for step in same for one in step.applied if one.made is not None]
            if not seen or any(_is_divided(one.made) for one in seen if one.made is not None):
                continue
            looked_at = [one for one in same if one.applied[-1].made is not None]
            known = [one for one in (_are_batches(facts, step) for step in looked_at) if one is not None]
            if not known or not all(known) or _are_gradients_changed(facts, same) or _are_tasks(facts, looked_at):
                continue
            yield self._describe(case, same)

    def _describe(self, case: Case, steps: list[Step]) -> Finding:
        k = mode(len(one.applied) for one in steps)
        site = steps[0].applied[0].site
        source = case.sources.of(site)
        line = source.line(site.line)
        fix = source.insert_before(site.line, f"loss = loss / {k}")
        if "loss.backward(" in line:
            fix = source.change_line(site.line, "loss.backward(", f"(loss / {k}).backward(")
        return self.finding(
            site,
            message=f"the gradients of {k} batches are added up, and nothing divides them by {k}",
            evidence=f"{len(steps)} steps applied the sum of the gradients of up to "
            f"{max(len(one.applied) for one in steps)} calls of backward() of this line, each of a mean over a batch",
            why=f"steps are {k} times as long as the learning rate says",
            fix=fix,
        )


def _is_divided(made: Made) -> bool:
    """Somewhere between a loss and what reduced it stands a division, or it is a sum over rows."""
    queue, seen = [made], set[int]()
    while queue:
        one = queue.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one.op in ("div", "mul"):
            if _is_scaling(one):
                return True
            queue += one.parents
        elif one.op in _SUMS or one.op in SAME_NUMBERS:
            queue += one.parents
        elif one.op == "sum" or "sum" in [value for value in one.kwargs.values() if isinstance(value, str)]:
            return True
    return False


def _is_scaling(made: Made) -> bool:
    """Divided by more than 1, or multiplied by less, be it a number or a tensor of one number."""
    factors = [one for one in made.args if isinstance(one, int | float) and not isinstance(one, bool)]
    tensors = [
        one for one in made.parents if one.value is not None and one.value.numel() == 1 and not one.requires_grad
    ]
    factors += [float(one.value) for one in tensors if one.value is not None]
    return any(abs(one) > 1 for one in factors) if made.op == "div" else any(0 < abs(one) < 1 for one in factors)


def _are_batches(facts: Facts, step: Step) -> bool | None:
    """Each backward had rows of its own, more than one; None where nobody looked at the rows."""
    forwards = [_forwards_of(facts, one) for one in step.applied]
    if not all(forwards):
        return _have_targets(facts, step.applied)
    rows = [part[0].samples for part in forwards]
    if any(part[0].n_rows < A_BATCH for part in forwards):
        return False
    if any(one is None for one in rows):
        return None
    if len({id(part[0].module) for part in forwards}) > 1 or len({part[0].site for part in forwards}) > 1:
        return False
    distinct = {one.tobytes() for one in rows}
    return len(distinct) == len(rows) and (len(rows) > 2 or not _is_one_sided(facts, step.applied))


def _are_tasks(facts: Facts, steps: list[Step]) -> bool:
    """Each step takes one batch of each of the same tables: their sum is what is to be made small."""
    tables: set[frozenset[int]] = set()
    for step in steps:
        forwards = [_forwards_of(facts, one) for one in step.applied]
        inputs = [origin(part[0].input) for part in forwards if part and part[0].input is not None]
        if len(inputs) == len(forwards) and all(one.op != "unknown" for one in inputs):
            tables.add(frozenset(map(id, inputs)))  # seen from its beginning
            if len({id(one) for one in inputs}) < len(inputs):
                return False
    return len(tables) == 1


def _forwards_of(facts: Facts, backward: Backward) -> list[Forward]:
    """The forward calls with gradients between the backward before it and this one."""
    before = max((one.at for one in facts.backwards if one.at < backward.at), default=0)
    return [one for one in facts.forwards if before < one.at < backward.at and one.has_grad]


def _targets_of(facts: Facts, backward: Backward) -> list[Made]:
    before = max((one.at for one in facts.backwards if one.at < backward.at), default=0)
    return [one.target for one in facts.losses if before < one.at < backward.at and one.target is not None]


def _have_targets(facts: Facts, backwards: tuple[Backward, ...]) -> bool:
    """Raw tensors: the targets tell the batches apart."""
    keys = []
    for one in backwards:
        targets = [target for target in _targets_of(facts, one) if target.value is not None and len(target.shape)]
        if not targets or targets[0].shape[0] < A_BATCH or targets[0].value is None:
            return False
        keys.append(targets[0].value.numpy().tobytes())
    return len(set(keys)) == len(keys)


def _is_one_sided(facts: Facts, backwards: tuple[Backward, ...]) -> bool:
    """Two backwards, each towards one and the same target: the real and the false of a GAN."""
    for one in backwards:
        for target in _targets_of(facts, one):
            if target.value is not None and target.value.unique().numel() == 1:
                return True
    return False


def _are_gradients_changed(facts: Facts, steps: list[Step]) -> bool:
    """Between the last backward and the step the gradients were scaled by hand, or clipped."""
    for step in steps:
        last = step.applied[-1].at
        if any(last < one.at < step.at and one.name.startswith("clip_") for one in facts.calls):
            return True
        for made in facts.ops:
            is_between = last < made.at < step.at and made.op in ("div", "mul")
            if is_between and any(origin(one).op == "get_grad" for one in made.parents):
                return True
    return False

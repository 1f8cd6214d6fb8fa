"""L06: softmax over the wrong dimension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, children_of, origin, softmax_dim
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

_PRODUCTS = ("matmul", "bmm", "mm")
_WITH_TARGETS = ("nll_loss", "cross_entropy", "kl_div", "mse_loss", "binary_cross_entropy", "gather")
_ON_THE_WAY = SAME_NUMBERS | {"log", "dropout", "clamp", "add", "mul", "div"}


class SoftmaxOverWrongDimension(Rule):
    id: ClassVar[str] = "L06"
    title: ClassVar[str] = "softmax over the wrong dimension"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A softmax over the rows of a batch makes rows compete with each other, and the probabilities of one row "
        "add up to nothing in particular. In attention the weights must add up to 1 over what is attended to."
    )
    detected: ClassVar[str] = (
        "The dimension of each softmax on the way to a trained loss: dimension 0 of (rows, classes) where the "
        "rows are those of the batch; or another one than the product with the values sums over."
    )
    silent: ClassVar[str] = (
        "Softmax over classes or keys; over the members of a bag that are then summed; over both dimensions of a "
        "square of similarities (contrastive losses)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(net(x).log_softmax(0), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("log_softmax(0)", "log_softmax(1)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        made = [one for one in facts.ops if one.op in ("softmax", "log_softmax") and softmax_dim(one) is not None]
        if not made:
            raise NotApplicable("no softmax was seen")
        children = children_of(facts)
        batches = {one.n_rows for one in facts.forwards if one.n_rows > 1}
        seen: dict[Site, tuple[Made, str]] = {}
        for loss in facts.trained_losses("nll_loss", "cross_entropy", "kl_div"):
            one = origin(loss.input)
            if one in made and (said := _before_flattening(one, loss.input)):
                seen.setdefault(one.creation, (one, said))
        for one in made:
            said = _over_rows(one, children, batches) or _over_queries(one, children)
            if said:
                seen.setdefault(one.creation, (one, said))
        for site, (one, said) in seen.items():
            yield self.finding(
                site,
                message=f"this {one.op} goes over dimension {softmax_dim(one)} of {one.shape}",
                evidence=said,
                why="what is divided up adds up to 1 over the wrong things",
                fix="     use the dimension of the classes, or of the keys: dim=-1",
            )


def _over_rows(made: Made, children: Mapping[int, list[Made]], batches: set[int]) -> str:
    """(rows, classes) over the rows, with a row of targets behind it."""
    dim = softmax_dim(made)
    if len(made.shape) != 2 or dim not in (0, -2) or made.shape[0] == made.shape[1] or made.shape[1] < 2:
        return ""
    n, n_classes = made.shape
    if n not in batches or n < 2:
        return ""
    queue, seen = [made], 0
    while queue and seen < 20:
        one = queue.pop(0)
        seen += 1
        for child in children.get(id(one), []):
            targets = [
                parent for parent in child.parents if parent is not one and parent.shape and parent.shape[0] == n
            ]
            if (
                child.op in ("nll_loss", "cross_entropy", "kl_div", "mse_loss", "binary_cross_entropy", "gather")
                and targets
            ):
                return f"the {n} rows of a batch share 1 among them, for each of {n_classes} classes"
            if child.op in ("argmax", "max") and child.argument(1, "dim") in (1, -1):
                return f"the {n} rows of a batch share 1 among them, for each of {n_classes} classes"
            if child.op in _ON_THE_WAY and child.shape == made.shape:
                queue.append(child)
    return ""


def _before_flattening(made: Made, given: Made) -> str:
    """(rows, steps, classes) over another axis than the classes, flattened to (rows * steps, classes) for the loss."""
    dim, n_dims = softmax_dim(made), len(made.shape)
    is_flattened = n_dims > 2 and len(given.shape) == 2 and given.shape[1] == made.shape[-1]
    if dim is None or not is_flattened or dim % n_dims == n_dims - 1:
        return ""
    return f"the loss takes {given.shape} with classes last; the softmax went over another axis, of {made.shape[dim]}"


def _over_queries(made: Made, children: Mapping[int, list[Made]]) -> str:
    """Weights of attention that are multiplied with values: the product sums over the last dimension."""
    dim = softmax_dim(made)
    n_dims = len(made.shape)
    if n_dims < 3 or dim is None or dim % n_dims == n_dims - 1 or min(made.shape[-2:]) < 2:
        return ""
    queue = [made]
    while queue:
        one = queue.pop(0)
        for child in children.get(id(one), []):
            if child.op in _PRODUCTS and child.parents and child.parents[0] is one and len(child.parents) == 2:
                return (
                    f"the product behind it, on line {child.site.line}, sums over the last dimension, of "
                    f"{made.shape[-1]}, whose weights do not add up to 1"
                )
            if child.op in ("dropout", "mul", "masked_fill", "contiguous", "to", "float") and child.shape == made.shape:
                queue.append(child)
    return ""

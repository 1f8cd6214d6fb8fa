"""The operations of the steps that were looked at, grouped so that one and the same layer is followed over time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import torch

from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.lineage import SAME_NUMBERS, in_order, origin

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
PRODUCTS = frozenset({"linear", "addmm", "matmul", "mm", "bmm", "baddbmm", "einsum", "bilinear"})
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm"})


@dataclass(eq=False)
class Layer:
    """One operation of the user's program (or one call of a layer), at each step that was looked at, in order."""

    op: str
    captures: list[tuple[Backward, Made]] = field(default_factory=list)

    @property
    def last(self) -> Made:
        return self.captures[-1][1]

    def peaks(self, *, least_rows: int) -> tuple[torch.Tensor, int] | None:
        """The highest value of each unit over the last captures, and over how many rows that is.

        At least so many rows if there are, and never less than half of the captures; None where too little was kept.
        """
        highest, n_rows, n_captures = None, 0, 0
        for _, made in reversed(self.captures):
            found = _peaks_of(made)
            if found is None or (highest is not None and found[0].shape != highest.shape):
                break
            highest = found[0] if highest is None else torch.maximum(highest, found[0])
            n_rows, n_captures = n_rows + found[1], n_captures + 1
            if n_rows >= least_rows and 2 * n_captures >= min(len(self.captures), 4):
                break
        return None if highest is None else (highest, n_rows)


def _peaks_of(made: Made) -> tuple[torch.Tensor, int] | None:
    if made.peaks is not None:
        return made.peaks, math.prod(made.shape) // max(len(made.peaks), 1)
    rows = as_units(made)
    return None if rows is None or not len(rows) else (rows.max(0).values, len(rows))


def graphs(facts: Facts) -> Iterator[tuple[Backward, list[Made]]]:
    """Each backward that was looked at, with all that its loss was made from, parents first."""
    for backward in facts.backwards:
        if backward.made is not None:
            yield backward, in_order(backward.made)


def layers_of(facts: Facts, ops: Collection[str]) -> list[Layer]:
    """The layers of these operations that the trained losses were made from, in the order of the first graph."""
    found: dict[tuple[object, object, int, int], Layer] = {}
    for backward, order in graphs(facts):
        counts: Counter[tuple[object, object]] = Counter()
        for made in order:
            if made.op in ops and made.requires_grad:
                place = made.site, id(made.module) if made.module is not None else None
                counts[place] += 1
                key = (*place, counts[place], len(made.shape))
                found.setdefault(key, Layer(made.op)).captures.append((backward, made))
    return list(found.values())


def as_units(made: Made) -> torch.Tensor | None:
    """`(rows, units)`: of pictures each place counts as a row; None where the values were not kept."""
    value = made.value
    if value is None or value.dim() < 2 or not value.is_floating_point():
        return None
    if value.dim() >= 4 or (value.dim() == 3 and is_convolved(made)):
        value = value.movedim(1, -1)
    return value.reshape(-1, value.shape[-1])


def is_convolved(made: Made) -> bool:
    """A convolution made it, perhaps with a norm behind."""
    for _ in range(6):
        if made.op in CONVOLUTIONS:
            return True
        if not made.parents:
            return False
        made = made.parents[0]
    return False


def is_layer_output(made: Made) -> bool:
    """Weights were applied: a product, a convolution, a norm of one, or a product and a bias."""
    made = origin(made)
    if made.op in PRODUCTS | CONVOLUTIONS | NORMS:
        return True
    return made.op == "add" and any(origin(parent).op in PRODUCTS | CONVOLUTIONS for parent in made.parents)


def users_of(order: list[Made], made: Made) -> list[Made]:
    """What was made from one, in a graph; through views."""
    found = [one for one in order if any(parent is made for parent in one.parents)]
    return [deeper for one in found for deeper in (users_of(order, one) if one.op in SAME_NUMBERS else [one])]


def is_finite(made: Made) -> bool | None:
    """None where the values were not kept."""
    if made.value is None:
        return None
    return not made.value.is_floating_point() or bool(torch.isfinite(made.value).all())

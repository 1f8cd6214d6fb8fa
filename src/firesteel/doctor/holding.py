"""Rows that a replay does not learn from, where all captured batches hold the same rows: these are told by a net that
learns the others, and not by one that learns a few rows by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from firesteel.doctor.baselines import Question, as_rows
from firesteel.doctor.reexecuting import Expression, Swap
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.scales import inputs_of

#: Every third row is held out; if by their fingerprints more or fewer are, rows repeat themselves.
ONE_IN, MOST_SHARE, LEAST_SHARE = 3, 0.55, 0.15
#: Batches that share more than this with each other hold the same rows.
OVERLAP = 0.5
LEAST_ROWS = 30


@dataclass(frozen=True, eq=False)
class HeldRows:
    """Of each captured loss, which rows of the prediction are held out."""

    masks: dict[int, torch.Tensor]  # by id of each prediction, `(n,)`
    share: float

    def without(self, swap: Swap | None) -> Swap:
        """The held-out rows pass no gradient back."""

        def detach(made: Any, value: torch.Tensor, first: Any) -> torch.Tensor:
            value = value if swap is None else swap(made, value, first)
            mask = self.masks.get(id(made))
            return value if mask is None else torch.where(_rows(mask, value), value.detach(), value)

        return detach

    def alone(self, question: Question, answer: torch.Tensor, swap: Swap | None) -> Swap:
        """All other rows get the constant answer."""

        def replace(made: Any, value: torch.Tensor, first: Any) -> torch.Tensor:
            value = value if swap is None else swap(made, value, first)
            mask = self.masks.get(id(made))
            return value if mask is None else torch.where(_rows(mask, value), value, as_rows(question, answer, value))

        return replace


def hold_rows(pairs: list[tuple[Expression, Question]], trained: list[bool]) -> HeldRows | None:
    """Rows to hold out of losses of which these are trained on; None where the others have rows of their own."""
    found = {}
    for expression, question in pairs:
        inputs = inputs_of(expression)
        rows = fingerprints(expression.data_of(inputs[0])) if inputs else None
        if rows is None or not question.prediction.shape or len(rows) != question.prediction.shape[0]:
            return None
        found[id(question.prediction)] = torch.from_numpy(rows)
    all_rows = list(found.values())
    if len(all_rows) != len(trained):
        return None
    known = torch.cat([rows for rows, one in zip(all_rows, trained, strict=True) if one])
    others = [rows for rows, one in zip(all_rows, trained, strict=True) if not one]
    if others and float(torch.isin(torch.cat(others), known).double().mean()) <= OVERLAP:
        return None
    masks = {key: (rows ^ (rows >> 17)) % ONE_IN == 0 for key, rows in found.items()}
    share = float(torch.cat(list(masks.values())).double().mean())
    if not LEAST_SHARE <= share <= MOST_SHARE or len(torch.unique(known)) < LEAST_ROWS:
        return None
    return HeldRows(masks, share)


def _rows(mask: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return mask.to(value.device).reshape(-1, *([1] * (value.dim() - 1)))

"""A run of an entry, done, and what stands in its report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from firesteel.data import Table, Wish, read_input
from firesteel.evaluation import Baseline, Score
from firesteel.model import Model

#: A squared error is the square of this one.
MSE, _RMSE = "mse", "rmse"


@dataclass(frozen=True)
class Ran:
    """One run of an entry, done."""

    fields: Mapping[str, Any]  # of its recipe
    model: Model
    seconds: float
    ask: Mapping[str, float]
    is_candidate: bool  # whether it stands for election as the best run of its entry
    wish: Wish

    def table(self, part: str) -> Table:
        """The rows of a part: "train", "known" (train and val) or "test"."""
        table, test = read_input(
            self.fields["data"], test=self.fields.get("test"), target=self.model.schema.target.name, wish=self.wish
        )
        split = self.model.split
        assert split is not None, "a model that was just fitted knows its split"
        if part != "test":
            return table.take(split.train if part == "train" else np.concatenate([split.train, split.val]))
        return (table if test is None else test).take(split.test)


def baseline_of(ran: Ran, name: str) -> Baseline:
    """A baseline of the run's report by its name."""
    return next(one for one in ran.model.report.baselines if one.name == name)


def value_of(scores: tuple[Score, ...], metric: str) -> float:
    """The value of a score by its name, or of the squared error."""
    return score_of(scores, _RMSE).value ** 2 if metric == MSE else score_of(scores, metric).value


def score_of(scores: tuple[Score, ...], metric: str) -> Score:
    """A score by its name; one that is not a number where it could not be measured."""
    nothing = Score(metric, math.nan, math.nan, math.nan, 0, True)
    return next((found for found in scores if found.name == metric), nothing)

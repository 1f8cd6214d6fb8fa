"""A small training case that has everything: missing numbers, categories, an embedding, periodic columns, norms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from firesteel.nets import LOSSES, Branch, Concat, Layer, Net, Population, Sequential, fit_state, start_population
from firesteel.nets.activations import SiLU
from firesteel.nets.columns import Impute, MissingFlag, OneHot, RobustScale
from firesteel.nets.dropout import Dropout
from firesteel.nets.embeddings import Embedding, Periodic
from firesteel.nets.linear import Linear
from firesteel.nets.norms import BatchNorm1d, LayerNorm
from firesteel.training import Plan, Rows

N_ROWS, N_CLASSES = 90, 3


@dataclass(frozen=True)
class Case:
    """A net and rows for it."""

    net: Net
    x_num: Tensor
    x_cat: Tensor
    y: Tensor

    def population(self, seeds: Sequence[int], dtype: torch.dtype = torch.float64) -> Population:
        fitted = fit_state(self.net, x_num=self.x_num, x_cat=self.x_cat)
        return start_population(self.net, seeds, fitted=fitted, dtype=dtype, device=torch.device("cpu"))

    def rows(self, population: Population) -> Rows:
        return Rows(population.prepare(self.x_num.to(population.weights.dtype), self.x_cat), self.y)

    def parts(self, population: Population, n_train: int = 70) -> tuple[Rows, Rows]:
        """Train and val rows that all members share."""
        rows = self.rows(population)
        places = torch.arange(rows.n_rows)
        return rows.take(places[:n_train]), rows.take(places[n_train:])


def make_case(norm: Layer, *dropouts: Dropout) -> Case:
    rng = np.random.default_rng(5)
    x_num = rng.normal(size=(N_ROWS, 3))
    x_num[rng.random(N_ROWS) < 0.2, 1] = np.nan
    x_cat = np.stack([rng.integers(0, 4, N_ROWS), rng.integers(0, 30, N_ROWS)], axis=1)
    y = (np.nan_to_num(x_num).sum(1) + x_cat[:, 0] > 1.5).astype(np.int64) + (rng.random(N_ROWS) < 0.3)
    branches = (
        Branch("cat", Sequential((OneHot((0,), (4,)),))),
        Branch("num", Sequential((MissingFlag((1,)),))),
        Branch("num", Sequential((Impute(), RobustScale(), Periodic()))),
        Branch("cat", Sequential((Embedding((1,), (30,), width=4),))),
    )
    hidden = [layer for width in (8, 6) for layer in (Linear(width), norm, SiLU(), *dropouts)]
    net = Net(3, 2, Concat(branches), Sequential((*hidden, Linear(N_CLASSES, init="zeros"))))
    return Case(net, torch.from_numpy(x_num), torch.from_numpy(x_cat), torch.from_numpy(y))


@pytest.fixture(scope="session")
def case() -> Case:
    """With dropout and BatchNorm."""
    return make_case(BatchNorm1d(), Dropout(0.3))


@pytest.fixture(scope="session")
def still_case() -> Case:
    """Without dropout, so that a plain script can train the same net."""
    return make_case(BatchNorm1d())


@pytest.fixture(scope="session")
def smooth_case() -> Case:
    """With LayerNorm: a bias before BatchNorm has a gradient of pure rounding, which `sign` and `rmsprop` blow up."""
    return make_case(LayerNorm(), Dropout(0.3))


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    """A plan for k members; per-member settings may be given as one value for all."""

    def make(k: int = 1, **changes: Any) -> Plan:
        loss = LOSSES["cross_entropy"](N_CLASSES)
        settings: dict[str, Any] = {
            "optimizer": "adamw",
            "schedule": "cosine",
            "lr": 0.01,
            "weight_decay": 0.02,
            "dropout": 0.3,
            "label_smoothing": 0.0,
            "seeds": tuple(range(k)),
            "seed": 0,
            "batch_size": 16,
            "epochs": 4,
            "patience": 100,
        } | changes
        for name in ("lr", "weight_decay", "dropout", "label_smoothing"):
            if not isinstance(settings[name], tuple):
                settings[name] = (settings[name],) * k
        return Plan(loss, loss, **settings)

    return make

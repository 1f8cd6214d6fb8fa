"""A net with a branch of every kind, and raw rows for it: missing numbers, unknown levels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.nets import Branch, Columns, Concat, Net, Sequential
from firesteel.nets.activations import GELU
from firesteel.nets.columns import Impute, MissingFlag, OneHot, RobustScale
from firesteel.nets.dropout import Dropout
from firesteel.nets.embeddings import Embedding, Periodic
from firesteel.nets.linear import Linear
from firesteel.nets.norms import BatchNorm1d

N_ROWS = 40


@pytest.fixture(scope="session")
def columns():
    return Columns(n_num=3, missing=(1,), n_levels=(4, 30, 3))


@pytest.fixture(scope="session")
def net(columns):
    """A branch of every kind: one-hot, missing flag, periodic over imputed and scaled numbers, embedding."""
    branches = (
        Branch("cat", Sequential((OneHot((0, 2), (4, 3)),))),
        Branch("num", Sequential((MissingFlag(columns.missing),))),
        Branch("num", Sequential((Impute(), RobustScale(), Periodic(width=4)))),
        Branch("cat", Sequential((Embedding((1,), (30,), width=8),))),
    )
    hidden = [layer for width in (8, 6) for layer in (Linear(width), BatchNorm1d(), GELU(), Dropout(0.2))]
    return Net(3, 3, Concat(branches), Sequential((*hidden, Linear(3, init="zeros"))))


@pytest.fixture(scope="session")
def raw(columns):
    """`x_num` with NaN in column 1, `x_cat` with code 0 in every column."""
    rng = np.random.default_rng(3)
    x_num = rng.normal(size=(N_ROWS, columns.n_num)) * [1, 10, 100]
    x_num[rng.random(N_ROWS) < 0.3, 1] = np.nan
    x_cat = np.stack([rng.integers(0, n, N_ROWS) for n in columns.n_levels], axis=1)
    x_cat[0] = 0
    return torch.from_numpy(x_num), torch.from_numpy(x_cat)

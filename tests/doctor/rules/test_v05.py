"""Scalers that have seen the rows that test the net."""

from __future__ import annotations

import pytest

HEAD = """
import numpy as np
import torch
from torch import nn
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch.utils.data import DataLoader, TensorDataset, random_split
torch.manual_seed(0)
rng = np.random.default_rng(0)
X = rng.normal(3, 2, (160, 5)) * np.array([1, 10, 100, 5, 2])
y = (X[:, 0] > 3).astype(np.float32)[:, None]
"""
TAIL = """
a, b, c, d = (torch.tensor(np.asarray(part), dtype=torch.float32) for part in (A, y[:120], B, y[120:]))
net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(4):
    for p, q in DataLoader(TensorDataset(a, b), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(net(p), q).backward()
        optimizer.step()
with torch.no_grad():
    print(((net(c) > 0).float() == d).float().mean().item())
"""

SICK = {
    "StandardScaler before the split": (
        "X = StandardScaler().fit_transform(X)\nA, B = X[:120], X[120:]",
        "StandardScaler().fit_transform(X)",
    ),
    "NumPy before the split": (
        "m = X.mean(axis=0)\nX = (X - m) / X.std(axis=0)\nA, B = X[:120], X[120:]",
        "m = X.mean(axis=0)",
    ),
    "bounds before the split": (
        "scaler = MinMaxScaler()\nX = scaler.fit_transform(X)\nA, B = X[:120], X[120:]",
        "X = scaler.fit_transform(X)",
    ),
    "fitted again on the test rows": (
        "s = StandardScaler()\nA = s.fit_transform(X[:120])\nB = s.fit_transform(X[120:])",
        "B = s.fit_transform(X[120:])",
    ),
    "bounds of the test rows": (
        "A = MinMaxScaler().fit_transform(X[:120])\nB = MinMaxScaler((0, 1)).fit_transform(X[120:])",
        "B = MinMaxScaler((0, 1)).fit_transform(X[120:])",
    ),
}

BEFORE = {
    "RobustScaler": "from sklearn.preprocessing import RobustScaler\nX = RobustScaler().fit_transform(X)",
    "PCA": "from sklearn.decomposition import PCA\np = PCA(5, whiten=True)\nX = p.fit(X).transform(X)",
    "quantiles": "from sklearn.preprocessing import QuantileTransformer as Q\nX = Q(n_quantiles=50).fit_transform(X)",
    "a pipeline": (
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import PowerTransformer\n"
        "X = make_pipeline(PowerTransformer(), MinMaxScaler()).fit_transform(X)"
    ),
    "means of what is missing": (
        "from sklearn.impute import SimpleImputer\nX[::7, 1] = np.nan\nX = SimpleImputer().fit_transform(X)"
    ),
    "frames": (
        "import pandas as pd\nfrom sklearn.preprocessing import RobustScaler\nframe = pd.DataFrame(X)\n"
        "frame[[0, 1, 2, 3, 4]] = RobustScaler().fit_transform(frame)\nX = frame.to_numpy()"
    ),
}
SICK |= {f"{name} before the split": (f"{text}\nA, B = X[:120], X[120:]", text.splitlines()[-1])
         for name, text in BEFORE.items() if name != "frames"}  # fmt: skip
SICK["a frame before the split"] = (
    f"{BEFORE['frames']}\nA, B = X[:120], X[120:]",
    "RobustScaler().fit_transform(frame)",
)
SICK["each part by a RobustScaler of its own"] = (
    "from sklearn.preprocessing import RobustScaler\nA = RobustScaler().fit_transform(X[:120])\n"
    "B = RobustScaler().fit_transform(X[120:])",
    "B = RobustScaler().fit_transform(X[120:])",
)

HEALTHY = {
    "PCA of the training rows": (
        "from sklearn.decomposition import PCA\np = PCA(5, whiten=True).fit(X[:120])\n"
        "A, B = p.transform(X[:120]), p.transform(X[120:])"
    ),
    "words known from all rows": (
        "from sklearn.preprocessing import OrdinalEncoder\nX[:, :] = rng.integers(0, 20, X.shape)\n"
        "X = OrdinalEncoder().fit_transform(X)\nA, B = X[:120], X[120:]"
    ),
    "nothing is missing": (
        "from sklearn.impute import SimpleImputer\nX = SimpleImputer().fit_transform(X)\nA, B = X[:120], X[120:]"
    ),
    "powers learn nothing": (
        "from sklearn.preprocessing import PolynomialFeatures\nX = PolynomialFeatures(1, include_bias=False)"
        ".fit_transform(X)\nA, B = X[:120], X[120:]"
    ),
    "each group by itself": (
        "from sklearn.preprocessing import RobustScaler\n"
        "A = np.concatenate([RobustScaler().fit_transform(X[i : i + 40]) for i in range(0, 120, 40)])\n"
        "B = RobustScaler().fit_transform(X[120:])"
    ),
    "fitted on more than these": (
        "from sklearn.preprocessing import RobustScaler\ns = RobustScaler().fit(X[:130])\n"
        "A, B = s.transform(X[:120]), s.transform(X[120:])"
    ),
    "fitted on the training rows": (
        "s = StandardScaler().fit(X[:120])\nA, B = s.transform(X[:120]), s.transform(X[120:])"
    ),
    "bounds of the training rows": "s = MinMaxScaler().fit(X[:120])\nA, B = s.transform(X[:120]), s.transform(X[120:])",
    "not scaled": "X = X / 50\nA, B = X[:120], X[120:]",
    "pixels": "X = rng.integers(0, 17, (160, 5)) / 16\nA, B = X[:120], X[120:]",
    "zeros and ones": "X = np.sign(X - 3)\nX[:, 0] = rng.normal(size=160)\nA, B = X[:120], X[120:]",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(HEAD + text + TAIL, only=["V05"]), "V05", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEAD + HEALTHY[name] + TAIL, only=["V05"]), "V05", "passed")


def test_without_held_out_rows_there_is_nothing_to_look_at(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEAD, only=["V05"]), "V05", "not applicable")

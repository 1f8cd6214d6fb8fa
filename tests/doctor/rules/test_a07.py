"""Scalers fitted again."""

from __future__ import annotations

import pytest

SICK = {
    "split": (
        """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = train_test_split(X)
s = StandardScaler()
p = s.fit_transform(p)
q = s.fit_transform(q)
""",
        "q = s.fit_transform(q)",
    ),
    "slices": (
        """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = X[:30], X[30:]
p = MinMaxScaler().fit_transform(p)
q = MinMaxScaler().fit_transform(q)
""",
        "q = MinMaxScaler()",
    ),
}

OTHERS = """
import numpy as np
from sklearn.preprocessing import StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
some = np.random.default_rng(1).choice(40, 30, replace=False)
others = np.setdiff1d(np.arange(40), some)
p, q = X[some], X[others]
s = StandardScaler()
p = s.fit_transform(p)
q = s.fit_transform(q)
"""
SICK["some rows and all others"] = (OTHERS, "q = s.fit_transform(q)")
SICK["all others first"] = (OTHERS.replace("X[some], X[others]", "X[others], X[some]"), "q = s.fit_transform(q)")
SEEN = """
import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
torch.manual_seed(0)
def read(seed):
    return np.random.default_rng(seed).normal(size=(40, 3)) * 3 + 5
s = StandardScaler()
p, q = read(0), read(1)
p = torch.tensor(s.fit_transform(p), dtype=torch.float32)
q = torch.tensor(s.fit_transform(q), dtype=torch.float32)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(4):
    optimizer.zero_grad()
    net(p).square().mean().backward()
    optimizer.step()
with torch.no_grad():
    print(net(q).square().mean())
"""
SICK["by what went into the net"] = (SEEN, "q = torch.tensor(s.fit_transform(q)")
SICK["a function for both"] = (
    SEEN.replace("q = torch", "q = 0 or torch")
    .replace("s.fit_transform(q)", "fit(q)")
    .replace("s.fit_transform(p)", "fit(p)")
    .replace("p, q = read", "def fit(v):\n    return s.fit_transform(v)\np, q = read"),
    "return s.fit_transform(v)",
)

HEALTHY = {
    "by what went into the net": SEEN.replace("s.fit_transform(q)", "s.transform(q)"),
    "transform": """
import numpy as np
from sklearn.model_selection import train_test_split as tts, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
X = np.random.default_rng(0).normal(size=(40, 2))
p, q = train_test_split(X)
s = StandardScaler()
p = s.fit_transform(p)
q = s.transform(q)
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["A07"]), "A07", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["A07"]), "A07", "passed")


FOLLOWED = """
import numpy as np, torch
from sklearn.preprocessing import RobustScaler
from torch import nn
torch.manual_seed(0)
rng = np.random.default_rng(0)
def year(n, warmer):
    table = rng.normal(size=(n, 3)) + warmer
    return table, (table.sum(1) > 0).astype(int)
(cold, level), (warm, other) = year(120, 0.0), year(60, 0.5)
scaler = RobustScaler()
x_one = scaler.fit_transform(cold)
x_two = scaler.HOW(warm)
net = nn.Linear(3, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.tensor(x_one, dtype=torch.float32), torch.tensor(level)
for _ in range(4):
    for rows in torch.randperm(120).split(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
with torch.no_grad():
    hits = net(torch.tensor(x_two, dtype=torch.float32)).argmax(1) == torch.tensor(other)
print(hits.float().mean())
"""


def test_rows_of_two_fits_are_followed_into_the_net(diagnose, assert_found, assert_outcome) -> None:
    found = diagnose(FOLLOWED.replace("HOW", "fit_transform"), only=["A07"])
    assert_found(found, "A07", "x_two = scaler.fit_transform(warm)")
    assert_outcome(diagnose(FOLLOWED.replace("HOW", "transform"), only=["A07"]), "A07", "passed")

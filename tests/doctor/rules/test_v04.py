"""Rows on both sides of the split."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(150, 4)
y = x.sum(1, keepdim=True)
"""
LOOP = """
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
def fit(a, b, epochs=12):
    for epoch in range(epochs):
        for i in range(0, len(a), 50):
            optimizer.zero_grad()
            F.mse_loss(net(a[i : i + 50]), b[i : i + 50]).backward()
            optimizer.step()
def score(a, b):
    with torch.no_grad():
        return F.mse_loss(net(a), b).item()
"""
NOTHING = "import torch\nprint(torch.ones(2))"

SICK = {
    "copied before the split": (
        HEAD + LOOP + "x, y = torch.cat([x, x[:60]]), torch.cat([y, y[:60]])\norder = torch.randperm(210)\n"
        "x, y = x[order], y[order]\nfit(x[:150], y[:150])\nprint(score(x[150:], y[150:]))",
        "torch.cat([x, x[:60]])",
    ),
    "overlapping slices": (
        HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[90:], y[90:]))",
        "F.mse_loss(net(a), b)",
    ),
    "loaders": (
        HEAD + LOOP + "both = torch.utils.data.TensorDataset(torch.cat([x, x]), torch.cat([y, y]))\n"
        "a, b = torch.utils.data.random_split(both, [200, 100])\n"
        "for p, q in torch.utils.data.DataLoader(a, 50):\n    fit(p, q, 3)\n"
        "for p, q in torch.utils.data.DataLoader(b, 50):\n    print(score(p, q))",
        "torch.cat([x, x])",
    ),
}

SICK["scored again and again"] = (
    SICK["copied before the split"][0].replace(
        "print(score", "for i in range(30):\n    fit(x[:150], y[:150], 1)\n    print(score"
    ),
    "torch.cat([x, x[:60]])",
)

SICK["copied in a function that is called before the split"] = (
    HEAD + LOOP + "def more(t):\n    return torch.cat([t, t[:60]])\n"
    "x, y = more(x), more(y)\norder = torch.randperm(len(x))\nx, y = x[order], y[order]\n"
    "fit(x[:150], y[:150])\nprint(score(x[150:], y[150:]))",
    "more(x)",
)

HEALTHY = {
    "no row twice": HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[100:], y[100:]))",
    "a score on the training rows beside": (
        HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[100:], y[100:]), score(x[:100], y[:100]))"
    ),
    "the whole data shown": HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[100:], y[100:]), score(x, y))",
    "few values": (
        HEAD + LOOP + "x = torch.randint(0, 3, (150, 4)).float()\nfit(x[:100], y[:100])\nprint(score(x[100:], y[100:]))"
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["V04"]), "V04", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V04"]), "V04", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["V04"]), "V04", "not applicable")

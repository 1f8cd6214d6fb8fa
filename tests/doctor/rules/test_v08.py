"""Graphs that no backward uses."""

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
    "behind the training": (
        HEAD + LOOP + "fit(x[:100], y[:100])\nprint(F.l1_loss(net(x[100:]), y[100:]).item())",
        "net(x[100:])",
    ),
    "in a function": (
        HEAD
        + LOOP
        + "def test():\n    net.eval()\n    guess = net(x[100:])\n    return float((guess - y[100:]).abs().mean())\n"
        "fit(x[:100], y[:100])\nprint(test())",
        "guess = net(x[100:])",
    ),
}

HEALTHY = {
    "no_grad": HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[100:], y[100:]))",
    "inference_mode": (
        HEAD + LOOP + "fit(x[:100], y[:100])\nwith torch.inference_mode():\n    print(F.l1_loss(net(x[100:]), y[100:]))"
    ),
    "frozen": (
        HEAD + LOOP + "fit(x[:100], y[:100])\nnet.requires_grad_(False)\nprint(F.l1_loss(net(x[100:]), y[100:]))"
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["V08"]), "V08", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V08"]), "V08", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["V08"]), "V08", "not applicable")


def test_the_fix_shows_the_statement_under_the_new_line(diagnose) -> None:
    text = "import torch\nnet = torch.nn.Linear(2, 1)\nnet(torch.ones(3, 2)).sum().backward()\n"
    assert diagnose(text + "out = net(\n    torch.zeros(1, 2)\n)", only=["V08"]).findings[0].fix.splitlines() == [
        "   4 - out = net(",
        "   5 -     torch.zeros(1, 2)",
        "   6 - )",
        "     + with torch.no_grad():",
        "   4 +     out = net(",
        "   5 +         torch.zeros(1, 2)",
        "   6 +     )",
    ]

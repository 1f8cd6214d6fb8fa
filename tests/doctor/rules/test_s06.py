"""Inputs and targets of different rows."""

from __future__ import annotations

import pytest

SICK = {
    "one side shuffled": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
x = x[torch.randperm(64)]
for i in range(0, 64, 16):
    step(x[i : i + 16], y[i : i + 16])
""",
        "x = x[torch.randperm(64)]",
    ),
    "two orders": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    p, q = torch.randperm(64)[:16], torch.randperm(64)[:16]
    step(x[p], y[q])
""",
        "step(x[p], y[q])",
    ),
}

HEALTHY = {
    "one order": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
p = torch.randperm(64)
x, y = x[p], y[p]
for i in range(0, 64, 16):
    step(x[i : i + 16], y[i : i + 16])
""",
}

NOTHING = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
"""


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S06"]), "S06", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S06"]), "S06", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S06"]), "S06", "not applicable")

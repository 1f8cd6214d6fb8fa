"""Rows that never come."""

from __future__ import annotations

import pytest

SICK = {
    "slices one short": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 64, 8):
        a, b = x[i : i + 7], y[i : i + 7]
        step(a, b)
""",
        "a, b = x[i : i + 7]",
    ),
    "the first batches": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for k in range(5):
        step(x[k * 8 : k * 8 + 8], y[k * 8 : k * 8 + 8])
""",
        "for k in range(5):",
    ),
    "a range that begins at 1, in a table that is too large to be kept": (
        """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
table = np.random.default_rng(0).random((30_000, 3)).astype("float32")
x = torch.from_numpy(table)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(3):
    for k in range(1, 30_000, 1_000):
        optimizer.zero_grad()
        F.mse_loss(net(x[k : k + 1_000]), y[k : k + 1_000]).backward()
        optimizer.step()
""",
        "for k in range(1, 30_000, 1_000):",
    ),
    "a loader that is left": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=8)
for _ in range(4):
    for k, (a, b) in enumerate(loader):
        step(a, b)
        if k == 3:
            break
""",
        "enumerate(loader)",
    ),
}

HEALTHY = {
    "all": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 64, 8):
        step(x[i : i + 8], y[i : i + 8])
""",
    "held out": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
def step(a, b):
    optimizer.zero_grad()
    F.mse_loss(net(a), b).backward()
    optimizer.step()
for _ in range(4):
    for i in range(0, 48, 8):
        step(x[i : i + 8], y[i : i + 8])
with torch.no_grad():
    print(F.mse_loss(net(x[48:]), y[48:]))
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
    assert_found(diagnose(text, only=["S05"]), "S05", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S05"]), "S05", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S05"]), "S05", "not applicable")

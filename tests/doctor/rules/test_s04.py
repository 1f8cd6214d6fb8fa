"""Rows in the order of their labels."""

from __future__ import annotations

import pytest

SICK = {
    "batches over the edges of classes": (
        """
import torch
from torch import nn
torch.manual_seed(0)
y = torch.arange(4).repeat_interleave(50)
x = nn.functional.one_hot(y, 4).float() + torch.randn(200, 4)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(8):
    for i in range(0, 200, 16):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[i : i + 16]), y[i : i + 16]).backward()
        optimizer.step()
""",
        "nn.functional.cross_entropy(net(x[i : i + 16])",
    ),
    "slices": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(4).repeat_interleave(16)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(3):
    for i in range(0, 64, 8):
        a, b = x[i : i + 8], y[i : i + 8]
        optimizer.zero_grad()
        F.cross_entropy(net(a), b).backward()
        optimizer.step()
""",
        "a, b = x[i : i + 8]",
    ),
    "a loader": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(4).repeat_interleave(16)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=8)
for _ in range(3):
    for a, b in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(a), b).backward()
        optimizer.step()
""",
        "loader = DataLoader",
    ),
}

HEALTHY = {
    "shuffled": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(4).repeat_interleave(16)
net = nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
for _ in range(3):
    for a, b in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(a), b).backward()
        optimizer.step()
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
    assert_found(diagnose(text, only=["S04"]), "S04", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S04"]), "S04", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S04"]), "S04", "not applicable")


GAN = """
import torch
torch.manual_seed(0)
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(6):
    label = torch.full((8, 1), float(step % 2))
    optimizer.zero_grad()
    torch.nn.functional.binary_cross_entropy_with_logits(net(torch.randn(8, 3)), label).backward()
    optimizer.step()
"""


def test_constant_targets_are_no_labels_in_order(diagnose) -> None:
    assert not diagnose(GAN, only=["S04"]).findings


SERVED = """
import numpy as np
import torch
torch.manual_seed(0)
y = np.repeat(np.arange(4), 30)
x = np.eye(4)[y] + np.random.default_rng(0).normal(size=(120, 4))
net = torch.nn.Linear(4, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def tensors(i):
    return torch.tensor(x[i : i + 10], dtype=torch.float32), torch.tensor(y[i : i + 10])
def serve():
    for i in range(0, 120, 10):
        yield tensors(i)
def learn(a, b):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(a), b).backward()
    optimizer.step()
for epoch in range(3):
    for a, b in serve():
        learn(a, b)
"""


def test_batches_of_a_generator_are_named_where_they_are_looped_over(diagnose, assert_found) -> None:
    found = diagnose(SERVED, only=["S04"])
    assert found.findings[0].source.strip() == "for a, b in serve():"

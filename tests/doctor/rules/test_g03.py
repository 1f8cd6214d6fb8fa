"""Graphs that are kept."""

from __future__ import annotations

import pytest

SICK = {
    "in a list": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net, kept = nn.Linear(4, 1), []
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(25):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    kept.append(loss)
""",
        "kept.append(loss)",
    ),
    "in a sum": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net, total = nn.Linear(4, 1), 0
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(25):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    total += loss
""",
        "total += loss",
    ),
    "in a dict": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net, seen = nn.Linear(4, 1), {}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(25):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    seen[i] = loss
""",
        "seen[i] = loss",
    ),
}

HEALTHY = {
    "numbers": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net, kept = nn.Linear(4, 1), []
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(25):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    kept.append(loss.item())
""",
    "detached": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net, total = nn.Linear(4, 1), 0
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(25):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    total += loss.detach()
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
    assert_found(diagnose(text, only=["G03"]), "G03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["G03"]), "G03", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["G03"]), "G03", "not applicable")

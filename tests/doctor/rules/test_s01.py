"""Columns against rows."""

from __future__ import annotations

import pytest

SICK = {
    "by hand": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
""",
        "net(x) - y",
    ),
    "a loss module": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1)
net = nn.Sequential(nn.Linear(4, 1))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = nn.L1Loss()(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "nn.L1Loss()",
    ),
    "raw, the row first": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1)

w = torch.randn(4, 1, requires_grad=True)
for _ in range(4):
    z = x @ w
    loss = (y - z).abs().mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        w.grad = None
""",
        "y - z",
    ),
}

HEALTHY = {
    "as many centres as rows": """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(80, 4), torch.randn(80)
net, head, centres = nn.Linear(4, 1), nn.Linear(32, 1), torch.linspace(-2, 2, 32)
def smeared(rows):
    return head(torch.exp(-(net(rows) - centres) ** 2))[:, 0]
optimizer = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.05)
for part in (slice(0, 32), slice(32, 64), slice(64, 80)):
    optimizer.zero_grad()
    nn.functional.mse_loss(smeared(x[part]), y[part]).backward()
    optimizer.step()
""",
    "squeezed": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return z.squeeze(1)
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "pairs of answers": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = (net(x) - net(x).squeeze(1)).pow(2).mean()
    loss.backward()
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
    assert_found(diagnose(text, only=["S01"]), "S01", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S01"]), "S01", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S01"]), "S01", "not applicable")


METRIC = """
import numpy as np
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(40, 3), torch.randn(40)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(3):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x).squeeze(1), y).backward()
    optimizer.step()
pred = net(x).detach().numpy(){shape}
truth = y.numpy()
error = np.abs(pred - truth).mean()
"""


def test_the_error_of_arrays_is_looked_at(diagnose, assert_found, assert_outcome) -> None:
    assert_found(diagnose(METRIC.format(shape=""), only=["S01"]), "S01", "np.abs(pred - truth)")
    assert_outcome(diagnose(METRIC.format(shape=".ravel()"), only=["S01"]), "S01", "passed")

"""Samples that mix."""

from __future__ import annotations

import pytest

SICK = {
    "gru": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(3, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "self.body(x)",
    ),
    "attention": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.MultiheadAttention(3, 1), nn.Linear(3, 1)
    def forward(self, x):
        return self.head(self.body(x, x, x)[0].mean(1))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "self.body(x, x, x)",
    ),
    "a mean over the batch": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(15, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x.flatten(1)) - self.body(x.flatten(1)).mean(0))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
        "mean(0)",
    ),
}

HEALTHY = {
    "batch first": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
""",
    "row by row": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
x, y = torch.randn(60, 5, 3), torch.randn(60, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(15, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(torch.relu(self.body(x.flatten(1))))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for i in range(0, 60, 20):
    optimizer.zero_grad()
    F.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
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
    assert_found(diagnose(text, only=["S03"]), "S03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S03"]), "S03", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S03"]), "S03", "not applicable")


RUNNING = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(80, 3), torch.randn(80, 1)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.look, self.head = nn.Linear(3, 8), nn.Linear(16, 1)
        self.state = torch.zeros(1, 8)
    def forward(self, x):
        f = torch.tanh(self.look(x))
        self.state = 0.8 * self.state.detach() + 0.2 * f.mean(0, keepdim=True)
        return self.head(torch.cat([f, self.state.expand(len(x), -1)], dim=1))
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(0, 80, 20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[i : i + 20]), y[i : i + 20]).backward()
    optimizer.step()
"""


def test_a_running_mean_is_no_mixing(diagnose, assert_found, assert_outcome):
    assert_outcome(diagnose(RUNNING, only=["S03"]), "S03", "passed")
    mixed = RUNNING.replace("0.8 * self.state.detach() + 0.2 * f", "f")
    assert_found(diagnose(mixed, only=["S03"]), "S03", "return self.head(torch.cat(")

"""Softmax over the wrong dimension."""

from __future__ import annotations

import pytest

SICK = {
    "by hand": (
        """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    e = net(x).exp()
    p = e / e.sum(0, keepdim=True)
    loss = -p[torch.arange(64), y].log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
        "e / e.sum(0",
    ),
    "over the rows": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(64) % 3

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 3)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return F.log_softmax(z, dim=0)
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "F.log_softmax(z, dim=0)",
    ),
    "in a list": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(64) % 3
net = nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(dim=0))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = nn.NLLLoss()(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "nn.LogSoftmax(dim=0)",
    ),
    "attention": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
q, k, v = nn.Linear(1, 6), nn.Linear(1, 6), nn.Linear(1, 6)
net = nn.ModuleList([q, k, v])
def attend(a):
    weights = torch.softmax(q(a) @ k(a).transpose(1, 2), dim=1)
    return (weights @ v(a)).mean((1, 2))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = (attend(x[:, :, None]) - y[:, 0]).pow(2).mean()
    loss.backward()
    optimizer.step()
""",
        "weights = torch.softmax",
    ),
    "before flattening": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.randint(0, 3, (64, 4))
net = nn.Linear(1, 3)

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(F.log_softmax(net(x[:, :, None]), dim=1).reshape(-1, 3), y.reshape(-1))
    loss.backward()
    optimizer.step()
""",
        "F.log_softmax(net(x[:, :, None]), dim=1)",
    ),
}

HEALTHY = {
    "by hand": """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    e = net(x).exp()
    p = e / e.sum(1, keepdim=True)
    loss = -p[torch.arange(64), y].log().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    "over the classes": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(64) % 3

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 3)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return F.log_softmax(z, dim=1)
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "similarities both ways": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
net = nn.Linear(4, 8)

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = -(net(x) @ net(x).T).log_softmax(0).diagonal().mean()
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
y = x.sum(1, keepdim=True)

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
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["L06"]), "L06", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["L06"]), "L06", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["L06"]), "L06", "not applicable")

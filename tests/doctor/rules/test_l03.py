"""NLLLoss on what are not log-probabilities."""

from __future__ import annotations

import pytest

SICK = {
    "two distributions, averaged": (
        """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(128, 4), torch.randint(0, 3, (128,))
one, two = nn.Linear(4, 3), nn.Linear(4, 3)
optimizer = torch.optim.SGD([*one.parameters(), *two.parameters()], lr=0.01)
for _ in range(10):
    mixed = 0.5 * (one(x).softmax(1) + two(x).softmax(1))
    loss = nn.functional.nll_loss(mixed, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
        "nll_loss(mixed, y)",
    ),
    "raw scores": (
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
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "loss = F.nll_loss",
    ),
    "probabilities": (
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
        return F.softmax(z, dim=1)
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "F.softmax(z, dim=1)",
    ),
    "raw tensors": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(64) % 3

w = torch.randn(4, 3, requires_grad=True)
for _ in range(4):
    z = x @ w
    loss = nn.NLLLoss()(z, y)
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        w.grad = None
""",
        "nn.NLLLoss()(z, y)",
    ),
}

HEALTHY = {
    "log_softmax": """
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
    "the logarithm of a softmax": """
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
        return torch.log(torch.softmax(z, 1))
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.nll_loss(net(x), y)
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
y = torch.arange(64) % 3

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 3)
    def forward(self, x):
        z = self.two(torch.tanh(self.one(x)))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["L03"]), "L03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["L03"]), "L03", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["L03"]), "L03", "not applicable")

"""Targets of the wrong range."""

from __future__ import annotations

import pytest

SICK = {
    "minus one and one": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.where(x[:, :1] > 0, 1.0, -1.0)

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
    loss = F.binary_cross_entropy_with_logits(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "loss = F.binary",
    ),
    "from one": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.arange(64) % 3 + 1
net = nn.Sequential(nn.Linear(4, 4))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "loss = nn.CrossEntropyLoss()",
    ),
    "several ones": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (torch.rand(64, 3) > 0.4).float()

w = torch.randn(4, 3, requires_grad=True)
for _ in range(4):
    z = x @ w
    loss = F.cross_entropy(z, y)
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        w.grad = None
""",
        "loss = F.cross_entropy",
    ),
}

TAGGER = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randint(1, 9, (32, 6))
y = torch.where(x < 5, 0, x % 2 + 1)
x[:16, 4:], y[:16, 4:] = 0, 0
net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3))
loss_fn = nn.CrossEntropyLoss(ignore_index=0)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = loss_fn(net(x).view(-1, 3), y.view(-1))
    loss.backward()
    optimizer.step()
with torch.no_grad():
    right = (net(x).argmax(-1)[x != 0] == y[x != 0])
    print(right.float().mean())
"""
SICK["a class of sequences left out with the padding"] = (TAGGER, "loss_fn = nn.Cross")

HEALTHY = {
    "padding left out": TAGGER.replace("torch.where(x < 5, 0, x % 2 + 1)", "x % 2 + 1"),
    "left out of the score, too": TAGGER.replace("[x != 0]", "[y != 0]"),
    "soft targets": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = torch.rand(64, 3).softmax(1)

w = torch.randn(4, 3, requires_grad=True)
for _ in range(4):
    z = x @ w
    loss = F.cross_entropy(z, y)
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        w.grad = None
""",
    "zeros and ones": """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x[:, :1] > 0).float()

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
    loss = F.binary_cross_entropy_with_logits(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "from zero": """
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
    assert_found(diagnose(text, only=["L08"]), "L08", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["L08"]), "L08", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["L08"]), "L08", "not applicable")

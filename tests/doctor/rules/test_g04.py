"""Values changed through .data."""

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

TRAIN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 1)
    def forward(self, x):
        h = torch.tanh(self.one(x))
        {change}
        return self.two(h)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(5):
    loss = F.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    {more}
    optimizer.step()
"""

SICK = {
    "times a mask": (HEAD + TRAIN.format(change="h.data *= 0.5", more="pass"), "h.data *= 0.5"),
    "some set to zero": (HEAD + TRAIN.format(change="h.data[:, 0] = 0", more="pass"), "h.data[:, 0] = 0"),
    "clamped": (HEAD + TRAIN.format(change="h.data.clamp_(-0.5, 0.5)", more="pass"), "h.data.clamp_"),
}

HEALTHY = {
    "an operation of its own": HEAD + TRAIN.format(change="h = h * 0.5", more="pass"),
    "weights clipped through .data": (
        HEAD + TRAIN.format(change="pass", more="[p.data.clamp_(-1, 1) for p in net.parameters()]")
    ),
    "a copy is changed": HEAD + TRAIN.format(change="g = h.detach().clone(); g.data.mul_(2)", more="pass"),
    "clipped between two nets": """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
X = torch.randn(200, 6)
w_true = torch.randn(6, 1)
y = X @ w_true + 0.1 * torch.randn(200, 1)
c = (y[:, 0] > 0).long()
X_train, X_test, y_train, y_test, c_train, c_test = X[:150], X[150:], y[:150], y[150:], c[:150], c[150:]
G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 6))
D = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
og, od = torch.optim.RMSprop(G.parameters(), lr=5e-4), torch.optim.RMSprop(D.parameters(), lr=5e-4)
for e in range(40):
    z = torch.randn(150, 4)
    fake = G(z)
    od.zero_grad()
    ld = D(fake.detach()).mean() - D(X_train).mean()
    ld.backward()
    od.step()
    for p in D.parameters():
        p.data.clamp_(-0.05, 0.05)
    og.zero_grad()
    lg = -D(fake).mean()
    lg.backward()
    og.step()
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["G04"]), "G04", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["G04"]), "G04", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["G04"]), "G04", "not applicable")


RENEWED = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x, y = torch.randn(40, 3), torch.randn(40, 1)
net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for i in range(10):
    loss = F.mse_loss(net(x), y)
    optimizer.zero_grad()
    net[2].weight.data = F.normalize(net[2].weight.data, dim=1)
    loss.backward()
    optimizer.step()
"""


def test_new_data_between_the_forward_and_its_backward_is_seen(diagnose, assert_found, assert_outcome):
    line = "    net[2].weight.data = F.normalize(net[2].weight.data, dim=1)\n"
    assert_found(diagnose(RENEWED, only=["G04"]), "G04", line.strip())
    assert_outcome(diagnose(RENEWED.replace(line, "") + line, only=["G04"]), "G04", "passed")

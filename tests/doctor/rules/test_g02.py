"""A branch that is cut off."""

from __future__ import annotations

import pytest

SICK = {
    "detach in forward": (
        """
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
        z = self.two(torch.tanh(self.one(x)).detach())
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        ".detach()",
    ),
    ".data": (
        """
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
        h = torch.tanh(self.one(x)).data
        z = self.two(h)
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "h = torch.tanh(self.one(x)).data",
    ),
    "NumPy": (
        """
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
        h = self.one(x).detach().numpy()
        z = self.two(torch.tensor(h).tanh())
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
""",
        "h = self.one(x).detach().numpy()",
    ),
    "an encoder without gradients": (
        """
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
enc = nn.Sequential(nn.Linear(6, 16), nn.ReLU())
dec = nn.Linear(16, 1)
opt = torch.optim.SGD(list(enc.parameters()) + list(dec.parameters()), lr=0.05)
for e in range(20):
    opt.zero_grad()
    with torch.no_grad():
        h = enc(X_train)
    loss = F.mse_loss(dec(h), y_train)
    loss.backward()
    opt.step()
""",
        "with torch.no_grad():",
    ),
    "raw tensors": (
        """
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
W1 = torch.randn(6, 8, requires_grad=True)
b1 = torch.zeros(8, requires_grad=True)
W2 = torch.randn(8, 1, requires_grad=True)
for e in range(20):
    h = torch.tanh(X_train @ W1 + b1).data
    loss = ((h @ W2 - y_train) ** 2).mean()
    loss.backward()
    for p in (W1, b1, W2):
        if p.grad is not None:
            p.data -= 0.01 * p.grad
            p.grad.zero_()
""",
        "h = torch.tanh(X_train @ W1 + b1).data",
    ),
}

HEALTHY = {
    "all of it": """
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
""",
    "a target on purpose": """
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
    loss = F.mse_loss(net(x), y) + F.mse_loss(net(x), net(x + 1).detach())
    loss.backward()
    optimizer.step()
""",
    "a part that joins in later": """
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
enc, head = nn.Sequential(nn.Linear(6, 16), nn.ReLU()), nn.Linear(16, 1)
opt = torch.optim.Adam([*enc.parameters(), *head.parameters()], lr=0.01)
for step in range(400):
    h = enc(X_train)
    if step < 250:
        h = h.detach()
    loss = F.mse_loss(head(h), y_train)
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    print(F.mse_loss(head(enc(X_test)), y_test).item())
""",
    "stopped on one side": """
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
enc, pred = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8)), nn.Linear(8, 8)
opt = torch.optim.SGD([*enc.parameters(), *pred.parameters()], lr=0.05)
for e in range(20):
    a, b = X_train + 0.1 * torch.randn_like(X_train), X_train + 0.1 * torch.randn_like(X_train)
    za, zb = enc(a), enc(b)
    loss = -(F.cosine_similarity(pred(za), zb.detach()).mean() + F.cosine_similarity(pred(zb), za.detach()).mean()) / 2
    opt.zero_grad()
    loss.backward()
    opt.step()
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
    assert_found(diagnose(text, only=["G02"]), "G02", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["G02"]), "G02", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["G02"]), "G02", "not applicable")

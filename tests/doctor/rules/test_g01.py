"""A loss that is cut off."""

from __future__ import annotations

import pytest

SICK = {
    "made anew": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(4, 1))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = torch.tensor(F.mse_loss(net(x), y).item(), requires_grad=True)
    loss.backward()
    optimizer.step()
""",
        "torch.tensor(F.mse_loss",
    ),
    "through NumPy": (
        """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(4, 1))

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = ((torch.from_numpy(net(x).detach().numpy()).requires_grad_() - y) ** 2).mean()
    loss.backward()
    optimizer.step()
""",
        "torch.from_numpy",
    ),
    "detached": (
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
        z = self.two(torch.tanh(self.one(x)))
        return z
net = Net()

optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y).detach().requires_grad_()
    loss.backward()
    optimizer.step()
""",
        "detach()",
    ),
    "an argmax on the way": (
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
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(6, 2)
    def forward(self, x):
        return self.f(x)
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
crit = nn.MSELoss()
for e in range(20):
    out = net(X_train)
    pred = out.argmax(1).float()
    loss = crit(pred, c_train.float())
    loss.requires_grad = True
    opt.zero_grad()
    loss.backward()
    opt.step()
""",
        "pred = out.argmax(1).float()",
    ),
    "a forward without gradients": (
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
net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for e in range(20):
    with torch.no_grad():
        out = net(X_train)
    loss = F.mse_loss(out, y_train)
    loss.requires_grad_()
    opt.zero_grad()
    loss.backward()
    opt.step()
""",
        "with torch.no_grad():",
    ),
    "wrapped in Variable": (
        """
from torch.autograd import Variable
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
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
for e in range(20):
    opt.zero_grad()
    out = model(X_train)
    loss = F.cross_entropy(out, c_train)
    loss = Variable(loss.data, requires_grad=True)
    loss.backward()
    opt.step()
""",
        "Variable(",
    ),
    "raw tensors by hand": (
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
W = torch.zeros(6, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for e in range(20):
    pred = torch.tensor((X_train @ W + b).tolist(), requires_grad=True)
    loss = ((pred - y_train) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        if W.grad is not None:
            W -= 0.1 * W.grad
            b -= 0.1 * b.grad
""",
        "pred = torch.tensor((X_train @ W + b).tolist(), requires_grad=True)",
    ),
}

HEALTHY = {
    "as it was computed": """
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
    "an attack on a frozen net": """
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
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=0.02)
for e in range(60):
    opt.zero_grad()
    F.cross_entropy(net(X_train), c_train).backward()
    opt.step()
for p in net.parameters():
    p.requires_grad_(False)
adv = X_test.clone().requires_grad_(True)
for k in range(5):
    loss = F.cross_entropy(net(adv), c_test)
    loss.backward()
    adv = (adv + 0.1 * adv.grad.sign()).detach().requires_grad_(True)
with torch.no_grad():
    print((net(X_test).argmax(1) == c_test).float().mean().item(), (net(adv).argmax(1) == c_test).float().mean().item())
""",
    "training on attacked rows": """
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
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=0.02)
for e in range(30):
    x_adv = X_train.clone().detach().requires_grad_(True)
    F.cross_entropy(net(x_adv), c_train).backward()
    x_adv = (x_adv + 0.05 * x_adv.grad.sign()).detach()
    opt.zero_grad()
    F.cross_entropy(net(x_adv), c_train).backward()
    opt.step()
with torch.no_grad():
    print((net(X_test).argmax(1) == c_test).float().mean().item())
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
    assert_found(diagnose(text, only=["G01"]), "G01", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["G01"]), "G01", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["G01"]), "G01", "not applicable")

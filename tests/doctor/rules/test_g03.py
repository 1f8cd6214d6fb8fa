"""Graphs that are kept."""

from __future__ import annotations

import pytest

SICK = {
    "in a moving mean": (
        """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
smooth = 1.0
for _ in range(30):
    loss = nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    smooth = 0.9 * smooth + loss / 10
""",
        "smooth = 0.9 * smooth + loss / 10",
    ),
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
    "given back by a function": (
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
model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
def train_step(xb, yb):
    opt.zero_grad()
    loss = F.mse_loss(model(xb), yb)
    loss.backward()
    opt.step()
    return loss
losses = []
for e in range(40):
    losses.append(train_step(X_train, y_train))
""",
        "losses.append(train_step(X_train, y_train))",
    ),
    "in a tuple, steps by hand": (
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
log = []
for e in range(30):
    loss = ((X_train @ W - y_train) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        W -= 0.05 * W.grad
        W.grad = None
    log.append((e, loss))
""",
        "log.append((e, loss))",
    ),
    "one an epoch": (
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
model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
epoch_losses = []
for e in range(30):
    for i in range(0, 150, 10):
        loss = F.mse_loss(model(X_train[i:i + 10]), y_train[i:i + 10])
        opt.zero_grad()
        loss.backward()
        opt.step()
    epoch_losses.append(loss)
""",
        "epoch_losses.append(loss)",
    ),
    "in a tensor that grows": (
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
model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
curve = torch.zeros(0)
for e in range(30):
    loss = F.mse_loss(model(X_train), y_train)
    opt.zero_grad()
    loss.backward()
    opt.step()
    curve = torch.cat([curve, loss.view(1)])
""",
        "curve = torch.cat([curve, loss.view(1)])",
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
    "the last one of each training": """
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
final = {}
for width in (2, 4, 8, 16, 32):
    model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 1))
    opt = torch.optim.SGD(model.parameters(), lr=0.05)
    for e in range(30):
        loss = F.mse_loss(model(X_train), y_train)
        opt.zero_grad()
        loss.backward()
        opt.step()
    final[width] = loss
print({k: round(v.item(), 3) for k, v in final.items()})
""",
    "sums for a backward of their own": """
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
model = nn.Linear(6, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for e in range(30):
    total = 0
    parts = []
    for i in range(0, 150, 30):
        l = F.mse_loss(model(X_train[i:i + 30]), y_train[i:i + 30])
        total += l / 5
        parts.append(l)
    opt.zero_grad()
    total.backward()
    opt.step()
print(F.mse_loss(model(X_test), y_test).item())
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


KEPT_NUMBERS = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(40, 3), torch.randn(40, 1)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
kept = []
for _ in range(12):
    optimizer.zero_grad()
    error = (net(x) - y).abs().mean()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
    kept.append(error)
"""


def test_a_single_number_has_no_shape_to_tell(diagnose, assert_found) -> None:
    found = diagnose(KEPT_NUMBERS, only=["G03"])
    assert_found(found, "G03", "kept.append(error)")
    assert "()" not in found.findings[0].evidence

"""States that bring their graph along."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(8, 16, 5, 2), torch.randn(8, 16, 5, 8)
"""
NOTHING = HEAD

GRU = """
cell = nn.GRU(2, 8, batch_first=True)
state = None
for t in range(8):
    {before}
    out, state = cell(x[t], state)
    cell.zero_grad()
    (out - y[t]).pow(2).mean().backward({keep})
    for p in cell.parameters():
        p.data -= 0.1 * p.grad
"""
LSTM = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(2, 8, batch_first=True)
    def forward(self, a, memory):
        return self.cell(a, memory)
net, memory = Net(), (torch.zeros(1, 16, 8), torch.zeros(1, 16, 8))
for t in range(8):
    {before}
    out, memory = net(x[t], memory)
    net.zero_grad()
    (out - y[t]).abs().mean().backward(retain_graph={keep})
    with torch.no_grad():
        for p in net.parameters():
            p.data.sub_(p.grad, alpha=0.1)
"""

SICK = {
    "gru": (HEAD + GRU.format(before="pass", keep="retain_graph=True"), "retain_graph=True"),
    "lstm": (HEAD + LSTM.format(before="pass", keep=True), "retain_graph=True"),
    "half of it cut": (
        HEAD + LSTM.format(before="memory = (memory[0].detach(), memory[1])", keep=True),
        "retain_graph=True",
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
Wx = (0.3 * torch.randn(2, 8)).requires_grad_()
Wh = (0.3 * torch.randn(8, 8)).requires_grad_()
Wo = (0.3 * torch.randn(8, 1)).requires_grad_()
x = torch.randn(30, 4, 2)
goal = torch.randn(30, 4, 1)
h = torch.zeros(4, 8)
for t in range(30):
    h = torch.tanh(x[t] @ Wx + h @ Wh)
    loss = ((h @ Wo - goal[t]) ** 2).mean()
    loss.backward(retain_graph=True)
    for p in (Wx, Wh, Wo):
        p.data -= 0.01 * p.grad
        p.grad.zero_()
""",
        "retain_graph=True",
    ),
}

HEALTHY = {
    "heads on ever deeper features": HEAD
    + """
layers = [nn.Linear(2, 2) for _ in range(5)]
features, h = [], x[0]
for layer in layers:
    h = torch.tanh(layer(h))
    features.append(h)
head = nn.Linear(2, 8)
for one in features:
    (head(one) - y[0]).pow(2).mean().backward(retain_graph=True)
""",
    "detached": HEAD + GRU.format(before="state = None if state is None else state.detach()", keep=""),
    "detached, graphs kept": HEAD + LSTM.format(before="memory = tuple(m.detach() for m in memory)", keep=True),
    "longer sequences with time": """
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
cell, fc = nn.GRUCell(1, 8), nn.Linear(8, 1)
opt = torch.optim.Adam([*cell.parameters(), *fc.parameters()], lr=0.01)
for e in range(20):
    h = torch.zeros(150, 8)
    for t in range(1 + e):
        h = cell(X_train[:, t % 6: t % 6 + 1], h)
    loss = F.mse_loss(fc(h), y_train)
    opt.zero_grad()
    loss.backward(retain_graph=True)
    opt.step()
""",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["G05"]), "G05", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["G05"]), "G05", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["G05"]), "G05", "not applicable")

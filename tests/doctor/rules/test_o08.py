"""Accumulated gradients that nothing scales."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(96, 3)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
"""

LOADER = """
class Trainer:
    def __init__(self, k):
        self.k, self.opt, self.crit = k, torch.optim.Adam(net.parameters(), lr=0.01), nn.MSELoss()
    def fit(self, loader):
        for i, (xb, yb) in enumerate(loader):
            loss = self.crit(net(xb), yb)
            loss.backward()
            if (i + 1) % self.k == 0:
                self.opt.step()
                self.opt.zero_grad()
Trainer(3).fit(DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True))
"""

WHOLE_EPOCH = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
for epoch in range(3):
    optimizer.zero_grad()
    for xb, yb in zip(x.split(16), y.split(16)):
        F.l1_loss(net(xb), yb).backward()
    optimizer.step()
"""

RAW = """
w = torch.zeros(3, 1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
for i in range(12):
    loss = F.mse_loss(x[i * 8:i * 8 + 8] @ w, y[i * 8:i * 8 + 8])
    loss.backward()
    if i % 4 == 3:
        optimizer.step()
        optimizer.zero_grad()
"""

GAN = """
G = nn.Linear(2, 3)
opt_g, opt_d = torch.optim.Adam(G.parameters()), torch.optim.Adam(net.parameters())
def judge(rows, label):
    loss = F.binary_cross_entropy_with_logits(net(rows), torch.full((96, 1), label))
    loss.backward()
for _ in range(5):
    opt_d.zero_grad()
    judge(x, 1.0)
    judge(G(torch.randn(96, 2)).detach(), 0.0)
    opt_d.step()
    opt_g.zero_grad()
    judge(G(torch.randn(96, 2)), 1.0)
    opt_g.step()
"""

TASKS = """
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    optimizer.zero_grad()
    for scale in (1.0, 2.0, 3.0):
        F.mse_loss(net(x), y * scale).backward()
    optimizer.step()
"""

DOMAINS = """
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
domains = [(x[:32].clone(), y[:32].clone()), (x[32:64] * 2, y[32:64]), (x[64:] - 1, y[64:])]
for _ in range(12):
    optimizer.zero_grad()
    for rows, targets in domains:
        taken = torch.randint(0, 32, (8,))
        F.mse_loss(net(rows[taken]), targets[taken]).backward()
    optimizer.step()
"""

BY_HAND = LOADER.replace(
    "                self.opt.step()",
    "                for p in net.parameters():\n                    p.grad /= 3\n                self.opt.step()",
)


@pytest.mark.parametrize(
    ("text", "line"),
    [(LOADER, "loss.backward()"), (WHOLE_EPOCH, "F.l1_loss(net(xb), yb).backward()"), (RAW, "loss.backward()")],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O08"]), "O08", line)


@pytest.mark.parametrize(
    "text",
    [
        LOADER.replace("loss = self.crit(net(xb), yb)", "loss = self.crit(net(xb), yb) / self.k"),
        LOADER.replace("            loss.backward()", "            loss /= self.k\n            loss.backward()"),
        LOADER.replace("loss.backward()", "(loss * (1 / self.k)).backward()"),
        LOADER.replace("nn.MSELoss()", "nn.MSELoss(reduction='sum')"),
        LOADER.replace("yb)\n", "yb) * len(xb) / 24\n"),
        BY_HAND,
        GAN,
        TASKS,
        DOMAINS,
    ],
)
def test_what_is_scaled_or_meant_is_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O08"]), "O08", "passed")


def test_without_accumulation_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = HEAD + LOADER.replace("Trainer(3)", "Trainer(1)")
    assert_outcome(diagnose(text, only=["O08"]), "O08", "not applicable")

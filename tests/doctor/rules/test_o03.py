"""Step or backward never called."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
"""

FUNCTION = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(3, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.two(torch.relu(self.one(x)))

def train(model, opt, crit):
    for xb, yb in loader:
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()

net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    train(net, opt, nn.MSELoss())
"""

GAN = """
G, D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt_g, opt_d = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64, 1), torch.zeros(64, 1)
for _ in range(6):
    fake = G(torch.randn(64, 2))
    opt_d.zero_grad()
    d_loss = bce(D(x), one) + bce(D(fake.detach()), zero)
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    g_loss = bce(D(fake), one)
    g_loss.backward()
    opt_g.step()
"""

RAW = """
w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for _ in range(8):
    ((x @ w + b - y) ** 2).mean().backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.01 * p.grad
            p.grad = None
"""

NEW_LEAVES = """
w = torch.zeros(3, 1, requires_grad=True)
for _ in range(8):
    ((x @ w - y) ** 2).mean().backward()
    w = (w - 0.01 * w.grad).detach().requires_grad_()
"""

GIVEN = """
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(8):
    loss = F.mse_loss(net(x), y)
    for p, g in zip(net.parameters(), torch.autograd.grad(loss, net.parameters())):
        p.grad = g
    optimizer.step()
"""

SKIPPED = """
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for i in range(12):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    if i % 3:
        optimizer.step()
"""

LOOKED_AT = """
for i in range(3):
    net = nn.Linear(3, 1)
    F.mse_loss(net(x), y).backward()
    print(net.weight.grad.norm())
"""


FISHER = """
net = nn.Linear(3, 1)
fisher = [torch.zeros_like(p) for p in net.parameters()]
for i in range(20):
    net.zero_grad()
    F.mse_loss(net(x[i:i + 1]), y[i:i + 1]).backward()
    for total, p in zip(fisher, net.parameters()):
        total += p.grad.detach() ** 2
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FUNCTION.replace("        opt.step()\n", ""), "loss.backward()"),
        (FUNCTION.replace("        opt.step()\n", "        opt.step\n"), "opt.step"),
        (FUNCTION.replace("        loss.backward()\n", ""), "opt.step()"),
        (FUNCTION.replace("        opt.step()\n", "    opt.step()\n"), "opt.step()"),
        (GAN.replace("    opt_g.step()\n", ""), "g_loss.backward()"),
        (GAN.replace("    d_loss.backward()\n", ""), "opt_d.step()"),
        (RAW.replace("p -= 0.01", "p = p - 0.01").replace("            p.grad = None\n", ""), "p = p - 0.01 * p.grad"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O03"]), "O03", line)


@pytest.mark.parametrize("text", [FUNCTION, GAN, RAW, NEW_LEAVES, GIVEN, SKIPPED, LOOKED_AT, FISHER])
def test_healthy_loops_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O03"]), "O03", "passed")


def test_without_both_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "nn.Linear(3, 1)(x)", only=["O03"]), "O03", "not applicable")


UNREACHED = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(40, 3)
y = (x[:, 0] > 1.5).long()
net = nn.Linear(3, 2)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for i in range(20):
    nn.functional.cross_entropy(net(x), y).backward()
    if (i + 1) % 4 == 4:
        optimizer.step()
        optimizer.zero_grad()
with torch.no_grad():
    print((net(x).argmax(1) == y).float().mean().item())
"""


def test_a_step_under_a_condition_that_never_holds_is_named(diagnose, assert_found, assert_outcome):
    found = diagnose(UNREACHED, only=["O03", "S09"])
    assert_found(found, "O03", "optimizer.step()")
    assert_outcome(found, "S09", "not applicable")
    assert_outcome(diagnose(UNREACHED.replace("== 4", "== 0"), only=["O03"]), "O03", "passed")


PHASES = """
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    for phase in ("training", "val"):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        if phase == "WORD":
            loss.backward()
            optimizer.step()
"""


def test_a_phase_of_another_name_is_never_trained(diagnose, assert_found, assert_outcome):
    assert_found(diagnose(HEAD + PHASES.replace("WORD", "train"), only=["O03"]), "O03", "loss.backward()")
    assert_outcome(diagnose(HEAD + PHASES.replace("WORD", "training"), only=["O03"]), "O03", "passed")

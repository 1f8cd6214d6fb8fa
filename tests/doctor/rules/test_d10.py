"""Stopped while still improving."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(512, 8)
y = (x[:, 0] + x[:, 1] > 0).long()
"""

FLAT = """
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
for epoch in range(3):
    for rows in torch.randperm(512).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""

FUNCTION = """
def train(net, optimizer):
    for rows in torch.randperm(512).split(64):
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
def main():
    net = nn.Linear(8, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(6):
        train(net, optimizer)
main()
"""


def test_the_loop_over_epochs_is_named(diagnose, assert_found):
    diagnosis = diagnose(HEAD + FLAT, only=["D10"])
    assert_found(diagnosis, "D10", "for epoch in range(3):")
    assert diagnosis.findings[0].level == "N"


def test_the_loop_that_calls_the_training_is_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + FUNCTION, only=["D10"]), "D10", "for epoch in range(6):")


def test_a_loss_that_has_levelled_off_is_right(diagnose, assert_outcome):
    text = (HEAD + FLAT).replace("0.002", "0.02").replace("range(3)", "range(30)")
    assert_outcome(diagnose(text, only=["D10"]), "D10", "passed")


def test_a_few_steps_say_nothing(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + FLAT.replace("range(3)", "range(1)"), only=["D10"]), "D10", "not applicable")


def test_a_fall_among_noise_is_seen_over_half_of_the_steps(diagnose, assert_found):
    text = (HEAD + FLAT).replace("randperm(512).split(64)", "randperm(200).split(10)").replace("0.002", "0.001")
    assert_found(diagnose(text, only=["D10"]), "D10", "for epoch in range(3):")


def test_a_run_so_short_that_its_last_half_is_noise(diagnose, assert_found):
    text = """
import torch
from torch import nn
torch.manual_seed(0)
X = torch.randn(1000, 12)
y = X @ torch.randn(12, 1) + torch.sin(X[:, :1])
net = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(2):
    for b in torch.randperm(800).split(32):
        opt.zero_grad()
        loss = nn.functional.mse_loss(net(X[b]), y[b])
        loss.backward()
        opt.step()
"""
    assert_found(diagnose(text, only=["D10"]), "D10", "for epoch in range(2):")

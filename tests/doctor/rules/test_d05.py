"""Targets not scaled."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(320, 4)
signal = x[:, 0] - 0.6 * x[:, 1]
"""

CLASS = """
class Trainer:
    def __init__(self, net):
        self.net, self.criterion = net, nn.MSELoss()
        self.optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    def fit(self, x, y):
        for _ in range(15):
            for rows in torch.randperm(len(x)).split(32):
                self.optimizer.zero_grad()
                self.criterion(self.net(x[rows]), y[rows]).backward()
                self.optimizer.step()
prices = torch.tensor((300000 + 40000 * signal).tolist()).unsqueeze(1)
Trainer(nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))).fit(x, prices)
"""

BY_HAND = """
years = 1985 + 12 * signal
net = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
for _ in range(15):
    for rows in torch.randperm(320).split(32):
        optimizer.zero_grad()
        loss = ((net(x[rows]).squeeze(1) - years[rows]) ** 2).mean()
        loss.backward()
        optimizer.step()
"""


def test_prices_in_dollars_are_named_where_they_become_a_tensor(diagnose, assert_found):
    diagnosis = diagnose(HEAD + CLASS, only=["D05"])
    assert_found(diagnosis, "D05", "prices = torch.tensor((300000")
    assert diagnosis.findings[0].level == "W"


def test_years_in_a_distance_by_hand_are_named_where_they_are_computed(diagnose, assert_found):
    assert_found(diagnose(HEAD + BY_HAND, only=["D05"]), "D05", "years = 1985 + 12 * signal")


def test_large_targets_that_are_learnt_are_right(diagnose, assert_outcome):
    text = (HEAD + BY_HAND).replace("1985 + 12 * signal", "15 * signal").replace("lr=1e-3", "lr=1e-2")
    assert_outcome(diagnose(text, only=["D05"]), "D05", "passed")


def test_large_targets_that_nothing_explains_are_not_to_blame(diagnose, assert_outcome):
    text = (HEAD + BY_HAND).replace("1985 + 12 * signal", "30 * torch.randn(320)")
    assert_outcome(diagnose(text, only=["D05"]), "D05", "passed")


def test_a_closure_is_not_replayed(diagnose, assert_outcome):
    text = (
        HEAD
        + """
net = nn.Linear(4, 1)
optimizer = torch.optim.LBFGS(net.parameters())
def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(net(x).squeeze(1), 5000 * signal)
    loss.backward()
    return loss
for _ in range(3):
    optimizer.step(closure)
"""
    )
    assert_outcome(diagnose(text, only=["D05"]), "D05", "not applicable")

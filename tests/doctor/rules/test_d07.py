"""NaN, infinite, vanishing."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(160, 6)
y = (x[:, 0] > 0).float()
"""

LOOP = """
for _ in range(5):
    for rows in torch.arange(160).split(32):
        optimizer.zero_grad()
        loss = criterion(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""

OWN_BCE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 1)
    def forward(self, x):
        return torch.sigmoid(300 * self.layer(x)).squeeze(1)
def criterion(p, t):
    yes = t * torch.log(p)
    no = (1 - t) * torch.log(1 - p)
    return -(yes + no).mean()
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
"""

ROOT = """
w = torch.randn(6, 3, requires_grad=True)
x[:4] = 0
optimizer = torch.optim.Adam([w], lr=0.01)
net = lambda rows: rows @ w
def criterion(z, t):
    length = (z * z).sum(1).sqrt()
    return ((length - t) ** 2).mean()
"""

DEEP = """
y = (x[:, 0] > 0).long()
layers = [nn.Linear(6, 16), nn.Tanh()]
for _ in range(6):
    layers += [nn.Linear(16, 16), nn.Sigmoid()]
net = nn.Sequential(*layers, nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
"""


def test_a_logarithm_of_0_is_named_at_its_own_line(diagnose, assert_found):
    diagnosis = diagnose(HEAD + OWN_BCE + LOOP, only=["D07"])
    assert len(diagnosis.findings) == 1
    assert "torch.log(" in diagnosis.findings[0].source
    assert "`log`" in diagnosis.findings[0].message


def test_a_root_whose_slope_is_infinite_is_named(diagnose, assert_found):
    diagnosis = diagnose(HEAD + ROOT + LOOP, only=["D07"])
    assert_found(diagnosis, "D07", "length = (z * z).sum(1).sqrt()")
    assert "4 of 32 numbers that went in are 0" in diagnosis.findings[0].evidence


def test_vanishing_in_a_stack_of_sigmoids_is_named_where_they_are_created(diagnose, assert_found):
    text = (HEAD + DEEP + LOOP).replace("range(5)", "range(60)")
    diagnosis = diagnose(text, only=["D07"])
    assert_found(diagnosis, "D07", "layers += [nn.Linear(16, 16), nn.Sigmoid()]")
    assert "with ReLUs" in diagnosis.findings[0].evidence


def test_a_small_number_below_the_root_is_right(diagnose, assert_outcome):
    text = (HEAD + ROOT + LOOP).replace(".sum(1).sqrt()", ".sum(1).add(1e-8).sqrt()")
    assert_outcome(diagnose(text, only=["D07"]), "D07", "passed")


def test_masks_of_minus_infinity_are_right(diagnose, assert_outcome):
    masked = """
net = nn.Linear(6, 4)
mask = torch.tensor([False, False, False, True])
criterion = lambda out, t: F.cross_entropy(out.masked_fill(mask, float("-inf")), t.long())
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
"""
    assert_outcome(diagnose(HEAD + masked + LOOP, only=["D07"]), "D07", "passed")


def test_data_that_hold_nan_are_another_bug(diagnose, assert_outcome):
    text = HEAD + "x[3, 2] = float('nan')\n" + OWN_BCE.replace("300 *", "1 *") + LOOP
    assert_outcome(diagnose(text, only=["D07"]), "D07", "not applicable")


def test_a_rate_that_explodes_is_another_bug(diagnose, assert_outcome):
    linear = """
net = lambda rows: rows @ w
w = torch.zeros(6, requires_grad=True)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD([w], lr=50.0)
"""
    text = (HEAD + linear + LOOP).replace("range(5)", "range(20)")
    assert_outcome(diagnose(text, only=["D07"]), "D07", "passed")


NEVER_CLEARED = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.arange(1.0, 7.0).unsqueeze(1)
y = 3 * x
net = nn.Linear(1, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.2)
for epoch in range(60):
    for i in range(6):
        ((net(x[i]) - y[i]) ** 2).backward()
        optimizer.step()
"""


def test_gradients_that_are_never_cleared_are_the_cause(diagnose, assert_outcome):
    assert_outcome(diagnose(NEVER_CLEARED, only=["D07"]), "D07", "not applicable")


RNN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.rec, self.out = nn.Linear(2, 32), nn.Linear(32, 32, bias=False), nn.Linear(32, 1)
        nn.init.normal_(self.rec.weight, std=0.7)
    def forward(self, x):
        h = x.new_zeros(len(x), 32)
        for t in range(x.shape[1]):
            h = F.relu(self.inp(x[:, t]) + self.rec(h))
        return self.out(h)
x = torch.randn(200, 10, 2)
y = x[:, -3:, 0].sum(1, keepdim=True)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for _ in range(12):
    for rows in torch.randperm(200).split(40):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""


def test_numbers_that_explode_and_stay_finite_are_named_where_the_weights_begin(diagnose, assert_found):
    assert_found(diagnose(HEAD + RNN, only=["D07"]), "D07", "nn.init.normal_(self.rec.weight, std=0.7)")


def test_large_weights_of_a_net_that_learns_are_right(diagnose, assert_outcome):
    text = """
x = torch.randn(200, 4)
y = x[:, :1] - x[:, 1:2]
w, v = torch.randn(4, 16, requires_grad=True), torch.randn(16, 1, requires_grad=True)
optimizer = torch.optim.Adam([w, v], lr=0.05)
for _ in range(60):
    optimizer.zero_grad()
    F.mse_loss(torch.relu(x @ w) @ v, y).backward()
    optimizer.step()
"""
    assert_outcome(diagnose(HEAD + text, only=["D07"]), "D07", "passed")

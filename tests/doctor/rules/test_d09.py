"""Constant predictions."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(128, 5)
y = x[:, :1] - x[:, 1:2]
"""

LOOP = """
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    optimizer.zero_grad()
    loss = nn.MSELoss()(net(x[:96]), y[:96])
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print(net(x[96:]).std())
"""

NORM = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
        self.last = nn.LayerNorm(1)
    def forward(self, x):
        return self.last(self.body(x))
net = Net()
"""

SOFTMAX = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 1)
    def forward(self, x):
        out = self.layer(x)
        return F.softmax(out, dim=1)
net = Net()
"""

SAME = """
x = (x * 0.1).to(torch.int64).float()
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
"""


def test_a_norm_over_one_number_is_named_where_it_is_created(diagnose, assert_found):
    diagnosis = diagnose(HEAD + NORM + LOOP, only=["D09"])
    assert_found(diagnosis, "D09", "self.last = nn.LayerNorm(1)")
    assert diagnosis.findings[0].level == "E"


def test_a_softmax_over_one_number_is_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + SOFTMAX + LOOP, only=["D09"]), "D09", "return F.softmax(out, dim=1)")


def test_equal_inputs_are_named_at_the_call(diagnose, assert_found):
    diagnosis = diagnose(HEAD + SAME + LOOP, only=["D09"])
    assert_found(diagnosis, "D09", "loss = nn.MSELoss()(net(x[:96]), y[:96])")
    assert "inputs are the same" in diagnosis.findings[0].message


def test_raw_tensors_that_lose_their_rows_are_named(diagnose, assert_found):
    raw = """
w = torch.randn(5, 1, requires_grad=True)
for _ in range(12):
    score = x @ w
    proba = torch.softmax(score, 1)
    loss = F.mse_loss(proba, y)
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
"""
    assert_found(diagnose(HEAD + raw, only=["D09"]), "D09", "proba = torch.softmax(score, 1)")


def test_one_class_for_all_rows_is_a_note(diagnose):
    noise = """
y = (torch.rand(128) < 0.3).long()
net = nn.Linear(5, 2)
nn.init.zeros_(net.weight)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(40):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    diagnosis = diagnose(HEAD + noise, only=["D09"])
    assert [(one.level, one.message) for one in diagnosis.findings] == [("N", "class 0 wins in every row")]


def test_rows_that_differ_a_little_are_right(diagnose, assert_outcome):
    text = HEAD + NORM.replace("self.last(self.body(x))", "0.01 * self.body(x)") + LOOP
    assert_outcome(diagnose(text, only=["D09"]), "D09", "passed")


def test_a_head_that_begins_with_zeros_is_right(diagnose, assert_outcome):
    net = "net = nn.Linear(5, 1)\nnn.init.zeros_(net.weight)\n"
    assert_outcome(diagnose(HEAD + net + LOOP, only=["D09"]), "D09", "passed")


def test_equal_targets_are_learnt_as_they_are(diagnose, assert_outcome):
    text = HEAD.replace("x[:, :1] - x[:, 1:2]", "torch.ones(128, 1)") + NORM + LOOP
    assert_outcome(diagnose(text, only=["D09"]), "D09", "not applicable")


DECAY = """
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=3.0)
for _ in range(60):
    for rows in torch.randperm(128).split(32):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""


def test_a_weight_decay_that_holds_the_net_is_named(diagnose, assert_found):
    diagnosis = diagnose(HEAD + DECAY, only=["D"])
    assert_found(diagnosis, "D09", "weight_decay=3.0")
    assert [one.rule for one in diagnosis.findings if one.level in "EW"] == ["D09"]


def test_a_weight_decay_that_lets_the_net_learn_is_right(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + DECAY.replace("3.0", "0.001"), only=["D09"]), "D09", "passed")


def test_what_another_finding_explains_is_not_named(diagnose, assert_found, assert_outcome):
    diagnosis = diagnose(HEAD + SOFTMAX + LOOP, only=["L05", "D09"])
    assert_found(diagnosis, "L05", "softmax")
    assert_outcome(diagnosis, "D09", "not applicable")
    assert "L05 on line" in next(one.reason for one in diagnosis.outcomes if one.rule == "D09")


SATURATED = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(120, 4)
y = torch.arange(120) % 3
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))
with torch.no_grad():
    net[0].bias.copy_(torch.tensor([0.0, -50.0, 40.0]))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
for _ in range(20):
    optimizer.zero_grad()
    nn.functional.nll_loss(net(x), y).backward()
    optimizer.step()
"""


def test_a_softmax_over_three_classes_is_no_single_number(diagnose):
    (one,) = diagnose(SATURATED, only=["D09"]).findings
    assert "this softmax over 3 classes is saturated" in one.message


def test_a_loss_without_a_logarithm_stands_as_the_cause(diagnose, assert_outcome):
    found = diagnose(SATURATED, only=["L03", "D09"])
    assert_outcome(found, "L03", "finding")
    assert_outcome(found, "D09", "not applicable")


def test_inputs_that_are_gated_to_nothing_come_before_the_relus_behind_them(diagnose, assert_found):
    text = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(200, 1, 6, 6)
y = (x > 0.5).float()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(12, 1, 1)
        with torch.no_grad():
            self.body[0].bias[1:] = -1
    def forward(self, x):
        x = x * (x.mean((1, 2, 3), keepdim=True) > 5).float()
        return self.head(self.body(x))
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(6):
    for rows in torch.randperm(200).split(40):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(net(x[rows]), y[rows]).backward()
        optimizer.step()
"""
    found = diagnose(text, only=["D06", "D09"])
    assert_found(found, "D09", "x = x * (x.mean(")
    assert [one.rule for one in found.findings] == ["D09"]

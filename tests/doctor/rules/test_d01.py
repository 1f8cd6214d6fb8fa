"""Learning rate too high."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
"""

LOADER = """
from torch.utils.data import DataLoader, TensorDataset
x = torch.randn(320, 8)
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).long()
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 2)
    def forward(self, x):
        return self.out(F.relu(self.two(F.relu(self.one(x)))))
def fit(net, optimizer, criterion):
    for _ in range(6):
        for xb, yb in loader:
            optimizer.zero_grad()
            criterion(net(xb), yb).backward()
            optimizer.step()
net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1.0)
fit(net, optimizer, nn.CrossEntropyLoss())
"""

RAW = """
x = torch.linspace(0, 10, 100)
y = 3 * x + 2 + torch.randn(100)
w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
lr = 0.1
for _ in range(100):
    loss = ((w * x + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    w.grad.zero_()
    b.grad.zero_()
"""

TWO = """
x, y = torch.randn(64, 3), torch.randn(64, 1)
one, two = nn.Linear(3, 1), nn.Linear(3, 1)
first, second = torch.optim.SGD(one.parameters(), lr=5.0), torch.optim.SGD(two.parameters(), lr=0.1)
for _ in range(12):
    for net, optimizer in ((one, first), (two, second)):
        optimizer.zero_grad()
        F.l1_loss(net(x), y).backward()
        optimizer.step()
"""


def test_a_net_thrown_into_a_dead_end_is_named_at_its_optimizer(diagnose, assert_found):
    diagnosis = diagnose(HEAD + LOADER, only=["D01"])
    assert_found(diagnosis, "D01", "optimizer = torch.optim.RMSprop(net.parameters(), lr=1.0)")
    finding = diagnosis.findings[0]
    assert finding.level == "E"
    assert "as it is" in finding.evidence
    assert "so changed" in finding.evidence


def test_an_update_by_hand_that_diverges_is_named(diagnose, assert_found):
    diagnosis = diagnose(HEAD + RAW, only=["D01"])
    assert_found(diagnosis, "D01", "w -= lr * w.grad")
    assert "0.1" in diagnosis.findings[0].message


def test_without_replays_only_an_explosion_is_a_warning(diagnose, assert_outcome):
    diagnosis = diagnose(HEAD + RAW, only=["D01"], probes=False)
    assert [one.level for one in diagnosis.findings] == ["W"]
    assert "not replayed because" in diagnosis.findings[0].evidence
    text = (HEAD + LOADER).replace("lr=1.0", "lr=1e-3")
    assert_outcome(diagnose(text, only=["D01"], probes=False), "D01", "not applicable")


def test_a_large_rate_with_which_it_learns_is_right(diagnose, assert_outcome):
    text = (HEAD + RAW).replace("torch.linspace(0, 10, 100)", "torch.linspace(-1, 1, 100)").replace("0.1", "0.5")
    assert_outcome(diagnose(text, only=["D01"]), "D01", "passed")


def test_labels_that_nothing_explains_are_not_the_rates_fault(diagnose, assert_outcome):
    text = (HEAD + LOADER).replace("y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).long()", "y = torch.randint(0, 2, (320,))")
    assert_outcome(diagnose(text.replace("lr=1.0", "lr=1e-3"), only=["D01"]), "D01", "passed")


def test_several_rates_are_compared_on_purpose(diagnose, assert_outcome):
    loop = "for lr in (1e-3, 1.0):\n    net = Net()\n    optimizer = torch.optim.RMSprop(net.parameters(), lr=lr)\n"
    text = (HEAD + LOADER).split("net = Net()")[0] + loop + "    fit(net, optimizer, nn.CrossEntropyLoss())\n"
    assert_outcome(diagnose(text, only=["D01"]), "D01", "not applicable")


def test_optimizers_that_take_turns_are_not_replayed(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + TWO, only=["D01"]), "D01", "not applicable")


NOISY = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(600, 20)
y = (x[:, :6].sum(1) + torch.randn(600) > 0).float()
net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(net.parameters(), lr=0.8)
for epoch in range(10):
    for rows in torch.randperm(600).split(32):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""


def test_a_cure_that_learns_the_few_batches_by_heart_later_is_one(diagnose, assert_found):
    assert_found(diagnose(NOISY, only=["D01"]), "D01", "lr=0.8")


def test_a_loss_that_jumps_about_is_named_though_it_ends_low(diagnose, assert_found, assert_outcome):
    text = """
import numpy as np
np.random.seed(0)
t = np.arange(816)
series = np.sin(2 * np.pi * t / 25) + 0.4 * np.sin(2 * np.pi * t / 7) + 0.05 * np.random.randn(816)
series = torch.from_numpy(series.astype(np.float32)) / 0.77
x, y = series.unfold(0, 16, 1)[:-1].unsqueeze(-1), series[16:].unsqueeze(-1)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(1, 24, batch_first=True), nn.Linear(24, 1)
    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])
net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=0.2)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(40):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    assert_found(diagnose(HEAD + text, only=["D01"]), "D01", "optimizer = torch.optim.RMSprop(")
    assert_outcome(diagnose(HEAD + text.replace("lr=0.2", "lr=0.005"), only=["D01"]), "D01", "passed")


FINDER = """
import copy
x = torch.randn(400, 8)
y = x @ torch.randn(8, 1) + 0.1 * torch.randn(400, 1)
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
def batches(net, optimizer, n):
    for _ in range(n):
        rows = torch.randint(0, 400, (256,))
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        yield loss.item()
probe = PROBE
tester = torch.optim.SGD(probe.parameters(), lr=1e-5)
first = None
for loss in batches(probe, tester, 60):
    first = first or loss
    tester.param_groups[0]["lr"] *= 1.26
    if loss > 4 * first or loss != loss:
        break
AFTER
"""
MAIN = """
optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
for loss in batches(net, optimizer, 80):
    pass
"""


def test_a_range_test_of_rates_is_meant_to_diverge(diagnose):
    for main in (MAIN.replace("RATE", "0.08"), ""):
        text = HEAD + FINDER.replace("PROBE", "copy.deepcopy(net)").replace("AFTER", main)
        found = diagnose(text, only=["D01", "D02", "D03", "D07"])
        assert found.failures == ()
        assert [one for one in found.findings if one.level in "EW"] == []


def test_the_training_behind_a_range_test_is_the_one_that_is_judged(diagnose, assert_found):
    main = MAIN.replace("RATE", "1e-6")
    text = HEAD + FINDER.replace("PROBE", "copy.deepcopy(net)").replace("AFTER", main)
    assert_found(diagnose(text, only=["D02"]), "D02", "optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)")
    again = text.replace("copy.deepcopy(net)", "net\nkept = copy.deepcopy(net.state_dict())")
    again = again.replace("optimizer = torch", "net.load_state_dict(kept)\noptimizer = torch")
    assert_found(diagnose(again, only=["D02"]), "D02", "optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)")


def test_a_net_that_was_thrown_far_off_and_is_on_its_way_back(diagnose, assert_found):
    text = """
x = torch.empty(900, 2).uniform_(-1.7, 1.7)
y = 1.6 * torch.sin(1.6 * x[:, :1]) * torch.cos(1.1 * x[:, 1:])
net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.RMSprop(net.parameters(), lr=0.2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.01)
for epoch in range(12):
    for rows in torch.randperm(900).split(45):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    schedule.step()
"""
    assert_found(diagnose(HEAD + text, only=["D01"]), "D01", "optimizer = torch.optim.RMSprop")

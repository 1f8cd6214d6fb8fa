"""Learning rate too low."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
"""

SLICES = """
x = torch.randn(240, 6)
y = x[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)
for _ in range(10):
    for rows in torch.randperm(240).split(24):
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
"""

RAW = """
x = torch.randn(200, 4)
y = x @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]])
w = torch.zeros(4, 1, requires_grad=True)
for _ in range(60):
    error = x @ w - y
    loss = (error * error).mean()
    loss.backward()
    with torch.no_grad():
        w -= 1e-6 * w.grad
        w.grad = None
"""


def test_a_tiny_rate_is_named_at_its_optimizer(diagnose, assert_found):
    diagnosis = diagnose(HEAD + SLICES, only=["D02"])
    assert_found(diagnosis, "D02", "optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)")
    assert diagnosis.findings[0].level == "E"
    assert "steps at the old rate" in diagnosis.findings[0].evidence
    assert "lr=1e-6" not in diagnosis.findings[0].fix.split("+")[1]


def test_a_tiny_rate_of_an_update_by_hand_is_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + RAW, only=["D02"]), "D02", "w -= 1e-6 * w.grad")


def test_a_short_run_is_meant_so(diagnose, assert_outcome):
    text = (HEAD + SLICES).replace("range(10)", "range(2)")
    assert_outcome(diagnose(text, only=["D02"]), "D02", "passed")


def test_a_run_that_only_lacks_steps_is_not_the_rates_fault(diagnose, assert_outcome):
    text = (HEAD + SLICES).replace("lr=1e-6", "lr=1e-3").replace("range(10)", "range(5)")
    assert_outcome(diagnose(text, only=["D02"]), "D02", "passed")


def test_noise_is_learnt_at_no_rate(diagnose, assert_outcome):
    text = (HEAD + SLICES).replace("y = x[:, :3].argmax(1)", "y = torch.randint(0, 3, (240,))").replace("1e-6", "1e-4")
    assert_outcome(diagnose(text, only=["D02"]), "D02", "passed")


def test_a_converged_net_moves_no_more(diagnose, assert_outcome):
    text = HEAD + SLICES.replace("optimizer =", "net.load_state_dict(net.state_dict())\noptimizer =").replace(
        "1e-6", "3e-2"
    )
    again = SLICES.split("net = nn")[1].split("\n", 1)[1]
    assert_outcome(diagnose(text + again, only=["D02"]), "D02", "passed")


def test_without_training_there_is_nothing_to_replay(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "print(nn.Linear(2, 2)(torch.ones(1, 2)))", only=["D02"]), "D02", "not applicable")


def test_a_few_noisy_rows_that_a_higher_rate_would_learn_by_heart_are_right(diagnose):
    text = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(150, 12)
y = (0.8 * x[:, 0] + 1.5 * torch.randn(150) > 0).long()
net = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Dropout(0.3), nn.Linear(24, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
for epoch in range(80):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[:100]), y[:100]).backward()
    optimizer.step()
"""
    assert [one for one in diagnose(text, only=["D01", "D02"]).findings if one.level in "EW"] == []


def test_a_first_batch_that_is_a_hard_one_is_no_movement(diagnose, assert_found):
    text = SLICES.replace("y = x[:, :3].argmax(1)", "y = x[:, :1] + 0.6 * torch.randn(240, 1)")
    text = text.replace("nn.Linear(24, 3)", "nn.Linear(24, 1)").replace("cross_entropy", "mse_loss")
    text = text.replace(
        "torch.randperm(240).split(24)",
        "torch.randperm(240).split(24) if n else y[:, 0].abs().argsort().roll(-168).split(24)",
    )
    text = text.replace("for _ in", "for n in")
    assert_found(diagnose(HEAD + text, only=["D02"]), "D02", "optimizer = torch.optim.Adam(")


def test_few_captured_rows_that_a_higher_rate_learns_a_third_of(diagnose, assert_found):
    text = """
torch.manual_seed(67)
tone = torch.linspace(-1.5, 1.5, 120)[torch.randperm(120)]
ids = torch.randint(0, 120, (800, 18))
y = (tone[ids].mean(1) > 0).long()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.mlp = nn.Embedding(120, 24), nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 2))
    def forward(self, ids):
        return self.mlp(self.words(ids).mean(1))
net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-6)
for _ in range(8):
    for rows in torch.randperm(800).split(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(ids[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    assert_found(diagnose(HEAD + text, only=["D02"]), "D02", "optimizer = torch.optim.AdamW")


def test_a_tiny_rate_times_gradients_that_were_asked_for(diagnose, assert_found):
    text = """
x = torch.randn(300, 6)
y = (x @ torch.randn(6) > 0).float()
w, b = torch.zeros(6, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(100):
    loss = F.binary_cross_entropy_with_logits(x @ w + b, y)
    dw, db = torch.autograd.grad(loss, (w, b))
    with torch.no_grad():
        w -= 1e-6 * dw
        b -= 1e-6 * db
"""
    assert_found(diagnose(HEAD + text, only=["D02"]), "D02", "-= 1e-6 *")

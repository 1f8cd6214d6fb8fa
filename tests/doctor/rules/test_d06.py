"""Dead ReLUs."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.rand(256, 8)
y = (x[:, 0] > x[:, 1]).long()
"""

CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 32), nn.Linear(32, 2)
        self.one.bias.data.fill_(-9.0)
    def forward(self, x):
        return self.two(self.one(x).relu())
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(8):
    for rows in torch.randperm(256).split(32):
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
"""

RAW = """
w1 = (-torch.rand(8, 24)).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
w2 = (0.2 * torch.randn(24, 2)).requires_grad_()
for _ in range(40):
    hidden = torch.clamp(x @ w1 + b1, min=0)
    loss = F.cross_entropy(hidden @ w2, y)
    loss.backward()
    with torch.no_grad():
        for w in (w1, b1, w2):
            if w.grad is not None:
                w -= 0.1 * w.grad
                w.grad = None
"""

OUTPUT = """
target = -1 - x[:, :1]
net = nn.Sequential(
    nn.Linear(8, 16),
    nn.Tanh(),
    nn.Linear(16, 1),
    nn.ReLU(),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(40):
    optimizer.zero_grad()
    loss = nn.MSELoss()(net(x), target)
    loss.backward()
    optimizer.step()
"""


def test_a_bias_that_kills_a_layer_is_named_where_it_is_set(diagnose, assert_found):
    diagnosis = diagnose(HEAD + CLASS, only=["D06"])
    assert_found(diagnosis, "D06", "self.one.bias.data.fill_(-9.0)")
    assert diagnosis.findings[0].level == "E"
    assert "32 of 32 units" in diagnosis.findings[0].evidence


def test_negative_weights_of_raw_tensors_are_named(diagnose, assert_found):
    assert_found(diagnose(HEAD + RAW, only=["D06"]), "D06", "w1 = (-torch.rand(8, 24)).requires_grad_()")


def test_an_output_that_is_always_0_is_named_where_the_layer_is_created(diagnose, assert_found):
    assert_found(diagnose(HEAD + OUTPUT, only=["D06"]), "D06", "nn.ReLU(),")


def test_a_net_that_learns_may_have_dead_units(diagnose, assert_outcome):
    text = (HEAD + CLASS).replace("self.one.bias.data.fill_(-9.0)", "self.one.bias.data[:30] = -9.0")
    text = text.replace("range(8)", "range(60)").replace("lr=0.01", "lr=0.05")
    assert_outcome(diagnose(text, only=["D06"]), "D06", "passed")


def test_a_hinge_at_0_is_what_it_is_for(diagnose, assert_outcome):
    text = (
        HEAD
        + """
net = nn.Linear(8, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
for _ in range(30):
    optimizer.zero_grad()
    loss = F.relu(1 - (2 * y - 1) * 9 * net(x).squeeze(1)).mean() + F.relu(net.weight.norm() - 99)
    loss.backward()
    optimizer.step()
"""
    )
    assert_outcome(diagnose(text, only=["D06"]), "D06", "not applicable")


def test_without_a_relu_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = (HEAD + CLASS).replace(".relu()", ".tanh()")
    assert_outcome(diagnose(text, only=["D06"]), "D06", "not applicable")


OUTPUT = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.rand(200, 1) * 10
y = 1.29 * x + 24
net = nn.Sequential(
    nn.Linear(1, 1),
    nn.ReLU(),
)
with torch.no_grad():
    net[0].weight.fill_(-0.6)
    net[0].bias.fill_(-0.3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(40):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""


def test_a_dead_relu_at_the_output_is_left_out(diagnose, assert_found, assert_outcome):
    found = diagnose(OUTPUT, only=["D06", "D09"])
    assert_found(found, "D06", "nn.ReLU(),")
    assert "-     nn.ReLU()," in found.findings[0].fix
    assert_outcome(found, "D09", "not applicable")


def test_a_single_number_in_a_relu_has_no_rows(diagnose):
    text = """
import torch
from torch import nn
net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
image = torch.zeros(1, 16, requires_grad=True)
for _ in range(12):
    torch.relu(net(image)[0, 2]).backward()
    image.data = (image.data + 0.2 * image.grad).clamp(-2, 2)
    image.grad = None
"""
    assert diagnose(text, only=["D06"]).failures == ()

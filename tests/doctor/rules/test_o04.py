"""Trainable parameters in no optimizer."""

from __future__ import annotations

import pytest

HEAD = """
import copy
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
def fit(net, optimizer, n=6):
    for _ in range(n):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(3, 8), nn.ReLU()), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.body(x))
"""

HEAD_ONLY = """
net = Net()
optimizer = torch.optim.Adam(net.head.parameters(), lr=0.01)
fit(net, optimizer)
"""

RAW = """
w1, b1, w2 = [torch.randn(*s, requires_grad=True) for s in [(3, 8), (8,), (8, 1)]]
b2 = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w1, b1, w2], lr=0.01)
fit(lambda x: torch.relu(x @ w1 + b1) @ w2 + b2, optimizer)
"""

BY_HAND = """
w, b = torch.zeros(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(6):
    F.mse_loss(x @ w + b, y).backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
        b.grad.zero_()
"""

REPLACED = """
def main():
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    net.head = nn.Linear(8, 1)
    fit(net, optimizer)
main()
"""

LOSS = """
net, log_var = Net(), nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    optimizer.zero_grad()
    loss = (F.mse_loss(net(x), y) * torch.exp(-log_var) + log_var).sum()
    loss.backward()
    optimizer.step()
"""

FROZEN = HEAD_ONLY.replace("optimizer =", "net.body.requires_grad_(False)\noptimizer =")
TRAINED = """
net = Net()
fit(net, torch.optim.Adam(net.parameters()))
net.head = nn.Linear(8, 1)
fit(net, torch.optim.Adam(net.head.parameters()))
"""
LOADED = HEAD_ONLY.replace("optimizer =", "net.body.load_state_dict(Net().body.state_dict())\noptimizer =")
COPIED = """
net = Net()
fit(net, torch.optim.Adam(net.parameters()))
teacher, student = copy.deepcopy(net), Net()
y = y * 0
optimizer = torch.optim.SGD(student.parameters(), lr=0.01)
for _ in range(5):
    optimizer.zero_grad()
    F.mse_loss(student(x), teacher(x)).backward()
    optimizer.step()
"""
JOINS = """
net = Net()
optimizer = torch.optim.SGD(net.head.parameters(), lr=0.01)
fit(net, optimizer)
optimizer.add_param_group({"params": net.body.parameters(), "lr": 0.001})
fit(net, optimizer)
"""
IMAGE = """
net = Net()
image = torch.randn(1, 3, requires_grad=True)
optimizer = torch.optim.Adam([image], lr=0.1)
for _ in range(6):
    optimizer.zero_grad()
    (-net(image).sum()).backward()
    optimizer.step()
"""
PHYSICS = """
net = Net()
t = torch.randn(64, 3).requires_grad_(True)
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(6):
    optimizer.zero_grad()
    u = net(t)
    slope = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
    (slope ** 2).mean().backward()
    optimizer.step()
"""
AVERAGE = """
net, mean = Net(), Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    optimizer.zero_grad()
    (F.mse_loss(net(x), y) + F.mse_loss(net(x), mean(x))).backward()
    optimizer.step()
    with torch.no_grad():
        for a, b in zip(mean.parameters(), net.parameters()):
            a.mul_(0.9).add_(b, alpha=0.1)
"""


PERCEPTUAL = """
net, sees = Net(), Net().eval()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(6):
    optimizer.zero_grad()
    F.mse_loss(sees(net(x).expand(-1, 3)), sees(y.expand(-1, 3)).detach()).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD_ONLY, "torch.optim.Adam(net.head.parameters()"),
        (RAW, "optimizer = torch.optim.SGD([w1, b1, w2]"),
        (BY_HAND, "w -= 0.1 * w.grad"),
        (REPLACED, "optimizer = torch.optim.SGD(net.parameters()"),
        (LOSS, "optimizer = torch.optim.SGD(net.parameters()"),
    ],
)
def test_the_optimizer_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O04"]), "O04", line)


@pytest.mark.parametrize(
    "text", [FROZEN, TRAINED, LOADED, COPIED, JOINS, PHYSICS, PERCEPTUAL, AVERAGE, RAW.replace("w2]", "w2, b2]")]
)
def test_what_is_left_alone_on_purpose_is_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O04"]), "O04", "passed")


def test_an_image_may_be_optimised_through_a_net(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + IMAGE, only=["O04"]), "O04", "passed")


def test_without_a_step_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "Net()(x)", only=["O04"]), "O04", "not applicable")


COPY = """
import copy
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(40, 3)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
before = copy.deepcopy(net)
optimizer = torch.optim.Adam(before.parameters(), lr=0.01)
for epoch in range(10):
    net.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
"""


def test_an_optimizer_of_a_copy_leaves_the_original_alone(diagnose, assert_found, assert_outcome):
    found = diagnose(COPY, only=["O04", "O06"])
    for rule in ("O04", "O06"):
        assert_found(found, rule, "optimizer = torch.optim.Adam(before.parameters()")
    assert_outcome(diagnose(COPY.replace("Adam(before", "Adam(net"), only=["O04"]), "O04", "passed")


SCALED = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(40, 3)
y = 3 * x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
scale = torch.ones(1, requires_grad=True)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x) * scale, y).backward()
    optimizer.step()
"""


def test_a_raw_weight_beside_a_net_is_missed(diagnose, assert_found):
    assert_found(diagnose(SCALED, only=["O04"]), "O04", "optimizer = torch.optim.SGD(net.parameters()")


@pytest.mark.parametrize("given", ["net(x * scale)", "net(x + 0.1 * (scale * x).detach())"])
def test_a_raw_tensor_that_goes_into_the_net_is_data(diagnose, assert_outcome, given):
    assert_outcome(diagnose(SCALED.replace("net(x) * scale", given), only=["O04"]), "O04", "passed")


FROZEN_BODY = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(60, 4)
y = (x[:, 0] > 0).long()
body = nn.Sequential(nn.Linear(4, 16), nn.ReLU())
head = nn.Linear(16, 2)
model = nn.Sequential(body, head)
for p in body.parameters():
    p.requires_grad = False
optimizer = torch.optim.SGD(body.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 20)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    schedule.step()
"""


@pytest.mark.parametrize("line", ["", "model.load_state_dict(model.state_dict())", "model.eval()"])
def test_an_optimizer_of_what_is_frozen_trains_nothing(diagnose, assert_found, line):
    found = diagnose(FROZEN_BODY.replace("for p", f"{line}\nfor p"), only=["O04", "D07"])
    assert_found(found, "O04", "optimizer = torch.optim.SGD(body.parameters()")
    one = found.findings[0]
    assert "frozen" in one.evidence
    assert "+ optimizer = torch.optim.SGD(head.parameters(), lr=0.1)" in one.fix


def test_parameters_are_named_once(diagnose, assert_found):
    text = HEAD_ONLY.replace("net.head.parameters()", "net.body[0].parameters()")
    found = diagnose(HEAD + text + "again, part = net, net.head", only=["O04"])
    assert_found(found, "O04", "optimizer =")
    assert "Adam([*net.body[0].parameters(), *part.parameters()], lr=0.01)" in found.findings[0].fix
    inside = FROZEN_BODY.replace("\n", "\n    ").replace("\n    import torch", "\nimport torch\ndef main():", 1)
    found = diagnose(inside + "\nmain()", only=["O04"])
    assert_found(found, "O04", "optimizer =")
    assert "SGD(head.parameters(), lr=0.1)" in found.findings[0].fix

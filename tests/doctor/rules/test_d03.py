"""The loss does not fall: a note above its causes."""

from __future__ import annotations

from firesteel.doctor.rules.rule import KEEP_FROM_LEARNING, STOPS_LEARNING

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(128, 6)
y = (x[:, 0] > 0).long()
"""

NO_STEP = """
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
"""

TINY = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 2)
    def forward(self, x):
        return self.layer(x)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=1e-7)
for _ in range(60):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""


def test_a_step_that_is_never_taken_stands_below_the_note(diagnose, assert_found):
    diagnosis = diagnose(HEAD + NO_STEP, only=["D03"])
    assert_found(diagnosis, "D03", "F.cross_entropy(net(x), y).backward()")
    assert diagnosis.findings[0].level == "N"
    assert "O03" in diagnosis.findings[0].evidence


def test_a_tiny_rate_stands_below_the_note(diagnose, assert_found):
    diagnosis = diagnose(HEAD + TINY, only=["D03"])
    assert_found(diagnosis, "D03", "loss.backward()")
    assert "D02" in diagnosis.findings[0].evidence


def test_the_note_never_stands_alone(diagnose):
    text = HEAD.replace("(x[:, 0] > 0).long()", "torch.randint(0, 2, (128,))") + TINY.replace("1e-7", "1e-3")
    diagnosis = diagnose(text, only=["D03", "D02"])
    assert diagnosis.findings == ()


def test_a_loss_that_falls_needs_no_note(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + TINY.replace("1e-7", "2.0"), only=["D03"]), "D03", "passed")


def test_a_few_losses_say_nothing(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + TINY.replace("60", "4"), only=["D03"]), "D03", "not applicable")


FLATTERED = """
from sklearn.preprocessing import StandardScaler
import numpy as np
np.random.seed(0)
rows = StandardScaler().fit_transform(np.random.randn(160, 3)).astype("float32")
x, held = torch.from_numpy(rows[:128]), torch.from_numpy(rows[128:])
y = x.sum(1)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(40):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print(F.mse_loss(net(held)[:, 0], held.sum(1)))
"""


def test_only_what_can_stop_a_loss_is_named_as_a_cause(diagnose):
    found = diagnose(HEAD + FLATTERED, only=["D03", "D10", "S01", "V05"])
    assert [one.rule for one in found.findings] == ["S01", "V05", "D03"]
    note = found.findings[-1]
    assert "S01" in note.evidence
    assert "V05" not in note.evidence


def test_every_bug_that_keeps_from_learning_has_its_place():
    assert set(KEEP_FROM_LEARNING) <= {one for tier in STOPS_LEARNING for one in tier}


DEAD = """
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
with torch.no_grad():
    net[0].bias.fill_(-30.0)
    net[2].bias.copy_(torch.tensor([4.0, -4.0]))
optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
for _ in range(40):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""


def test_a_loss_that_fell_is_not_said_to_stand(diagnose):
    found = diagnose(HEAD + DEAD, only=["D03", "D06", "D10"]).findings
    assert [one.rule for one in found] == ["D06", "D03"]
    assert found[1].message == "the loss ends no better than one answer for all rows"


CLIMBS = """
w, b = torch.zeros(6, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(20):
    loss = LOSS
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p.add_(p.grad, alpha=0.1)
            p.grad = None
"""


def test_an_update_by_hand_that_climbs_a_distance_is_a_warning(diagnose, assert_found):
    for loss in ("((x @ w + b - y.float()) ** 2).mean()", "F.binary_cross_entropy_with_logits(x @ w + b, y.float())"):
        found = diagnose(HEAD + CLIMBS.replace("LOSS", loss), only=["D03"])
        assert_found(found, "D03", "p.add_(p.grad, alpha=0.1)")
        assert found.findings[0].level == "W"


def test_what_may_be_meant_to_grow_is_a_note(diagnose, assert_found):
    found = diagnose(HEAD + CLIMBS.replace("LOSS", "F.softplus((1 - 2 * y) * (x @ w + b)).mean()"), only=["D03"])
    assert_found(found, "D03", "p.add_(p.grad, alpha=0.1)")
    assert found.findings[0].level == "N"


def test_an_update_that_goes_down_is_right(diagnose, assert_outcome):
    text = CLIMBS.replace("LOSS", "((x @ w + b - y.float()) ** 2).mean()").replace("alpha=0.1", "alpha=-0.1")
    assert_outcome(diagnose(HEAD + text, only=["D03"]), "D03", "passed")


def test_a_log_likelihood_below_0_is_meant_to_grow(diagnose, assert_outcome):
    text = CLIMBS.replace("LOSS", "-F.binary_cross_entropy_with_logits(x @ w + b, y.float())")
    assert_outcome(diagnose(HEAD + text, only=["D03"]), "D03", "passed")


def test_an_optimizer_that_maximises_an_error_is_named_where_it_is_made(diagnose, assert_found):
    text = """
net = nn.Linear(6, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, maximize=True)
for _ in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""
    assert_found(diagnose(HEAD + text, only=["D03"]), "D03", "maximize=True")


def test_gradients_that_were_asked_for_and_added(diagnose, assert_found):
    text = """
w, b = torch.zeros(6, requires_grad=True), torch.zeros(1, requires_grad=True)
for _ in range(20):
    loss = ((x @ w + b - y.float()) ** 2).mean()
    gradients = torch.autograd.grad(loss, [w, b])
    with torch.no_grad():
        for p, gradient in zip([w, b], gradients):
            p.copy_(p + 0.1 * gradient)
"""
    assert_found(diagnose(HEAD + text, only=["D03"]), "D03", "p.copy_(p + 0.1 * gradient)")

"""No held-out rows, or weights chosen on them."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(150, 4)
y = x.sum(1, keepdim=True)
"""
LOOP = """
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
def fit(a, b, epochs=12):
    for epoch in range(epochs):
        for i in range(0, len(a), 50):
            optimizer.zero_grad()
            F.mse_loss(net(a[i : i + 50]), b[i : i + 50]).backward()
            optimizer.step()
def score(a, b):
    with torch.no_grad():
        return F.mse_loss(net(a), b).item()
"""
NOTHING = "import torch\nprint(torch.ones(2))"

CHOOSE = """
import copy
best, kept = 1e9, None
for _ in range(4):
    fit(x[:100], y[:100], 2)
    now = score(x[100:{end}], y[100:{end}])
    if now < best:
        best, kept = now, copy.deepcopy(net.state_dict())
net.load_state_dict(kept)
print(score(x[{start}:], y[{start}:]))
"""

SICK = {
    "nothing evaluated": (HEAD + LOOP + "fit(x, y)", "F.mse_loss(net(a[i : i + 50])"),
    "scored on the training rows": (HEAD + LOOP + "fit(x, y)\nprint(score(x[:50], y[:50]))", "F.mse_loss(net(a), b)"),
    "the best epoch by the test rows": (HEAD + LOOP + CHOOSE.format(end=150, start=100), "if now < best:"),
}

HEALTHY = {
    "rows held out": HEAD + LOOP + "fit(x[:100], y[:100])\nprint(score(x[100:], y[100:]))",
    "a third part": HEAD + LOOP + CHOOSE.format(end=125, start=125),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["V07"]), "V07", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V07"]), "V07", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["V07"]), "V07", "not applicable")


GAN = """
import torch
from torch import nn
torch.manual_seed(0)
real = torch.randn(64, 2) + 3
make, judge = nn.Linear(5, 2), nn.Linear(2, 1)
one, two = torch.optim.SGD(make.parameters(), lr=0.01), torch.optim.SGD(judge.parameters(), lr=0.01)
right, wrong = torch.ones(64, 1), torch.zeros(64, 1)
score = nn.BCEWithLogitsLoss()
for epoch in range(12):
    fake = make(torch.randn(64, 5))
    two.zero_grad()
    (score(judge(real), right) + score(judge(fake.detach()), wrong)).backward()
    two.step()
    one.zero_grad()
    score(judge(fake), right).backward()
    one.step()
"""


def test_a_generator_has_no_rows_to_hold_out(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(GAN, only=["V07"]), "V07", "not applicable")


PATCH = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(200, 5)
y = (x.sum(1) > 0).long()
net = nn.Linear(5, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[:150]), y[:150]).backward()
    optimizer.step()
with torch.no_grad():
    print((net(x[150:]).argmax(1) == y[150:]).float().mean())
patch = torch.zeros(1, 5, requires_grad=True)
optimizer = torch.optim.SGD([patch], lr=0.1)
for _ in range(10):
    optimizer.zero_grad()
    (-nn.functional.cross_entropy(net(x[150:] + patch), y[150:])).backward()
    optimizer.step()
"""


def test_rows_that_only_a_patch_learns_from_are_held_out(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(PATCH, only=["V07"]), "V07", "passed")


THREE = """
import copy
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(200, 4)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
val_x, val_y, test_x, test_y = x[100:150], y[100:150], x[150:], y[150:]
def error(a, b):
    with torch.no_grad():
        return nn.functional.mse_loss(net(a), b).item()
best = 1e9
for epoch in range(8):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[:100]), y[:100]).backward()
    optimizer.step()
    now = error(test_x, test_y)
    if now < best:
        best, kept = now, copy.deepcopy(net.state_dict())
net.load_state_dict(kept)
print(error(val_x, val_y), error(test_x, test_y))
"""


def test_a_third_part_read_at_the_end_does_not_mend_a_choice_by_the_test_rows(diagnose, assert_found) -> None:
    assert_found(diagnose(THREE, only=["V07"]), "V07", "now < best")


def test_a_choice_by_the_val_rows_is_passed_though_they_are_scored_again(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(THREE.replace("now = error(test_x, test_y)", "now = error(val_x, val_y)"), only=["V07"]),
                   "V07", "passed")  # fmt: skip

"""A rare class that is never predicted."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(900, 3)
"""
TAIL = """
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
for _ in range(40):
    optimizer.zero_grad()
    loss = criterion(net(x[:600]){form}, y[:600])
    loss.backward()
    optimizer.step()
with torch.no_grad():
    z = net(x[600:])
"""
ONE = "net = nn.Linear(3, 1)\ncriterion = nn.BCEWithLogitsLoss({weight})" + TAIL.format(form=".squeeze(1)")
SQUASHED = "net = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())\ncriterion = nn.BCELoss()" + TAIL.format(form="[:, 0]")
THREE = "net = nn.Linear(3, 3)\ncriterion = nn.CrossEntropyLoss()" + TAIL.format(form="")
CHANCE = "y = (torch.rand(900) < 0.05).float()\n"
NOTHING = HEAD + "y = x.sum(1)\nnet = nn.Linear(3, 1)\ncriterion = nn.MSELoss()" + TAIL.format(form="[:, 0]")

SICK = {
    "one logit": (HEAD + CHANCE + ONE.format(weight=""), "criterion = nn."),
    "probabilities": (HEAD + CHANCE + SQUASHED, "criterion = nn."),
    "three classes": (HEAD + "y = (x[:, 0] > 0).long()\ny[::16] = 2\n" + THREE, "criterion = nn."),
}

HEALTHY = {
    "rare and learned": HEAD + "y = (x[:, 0] > 1.6).float()\n" + ONE.format(weight=""),
    "weighed": HEAD + CHANCE + ONE.format(weight="pos_weight=torch.tensor(19.0)"),
    "balanced": HEAD + "y = (x[:, 0] > 0).float()\n" + ONE.format(weight=""),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["S09"]), "S09", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["S09"]), "S09", "passed")


def test_where_there_is_nothing_to_look_at_it_says_so(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(NOTHING, only=["S09"]), "S09", "not applicable")


TEN = """
x = torch.randn(900, 4)
y = torch.arange(900) % 9
y[y == 8] = torch.randint(0, 8, (100,))
net = nn.Linear(4, 9)
nn.init.constant_(net.bias, 0.0)
with torch.no_grad():
    net.bias[0] = -9.0
criterion = nn.CrossEntropyLoss()
""" + TAIL.format(form="").replace("lr=0.05", "lr=0.001")


def test_a_class_as_frequent_as_the_others_is_not_rare(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEAD + TEN, only=["S09"]), "S09", "passed")


def test_where_the_other_classes_are_told_apart_it_is_a_note(diagnose) -> None:
    assert [one.level for one in diagnose(SICK["three classes"][0], only=["S09"]).findings] == ["N"]


def test_nothing_is_said_where_the_answers_are_no_numbers(diagnose) -> None:
    text = HEAD + CHANCE + "x[0, 0] = float('nan')\n" + ONE.format(weight="")
    assert not diagnose(text, only=["S09"]).findings


def test_a_loss_that_is_called_as_a_function_is_named_where_it_is_called(diagnose, assert_found) -> None:
    text = HEAD + CHANCE + ONE.format(weight="").replace("criterion(", "F.binary_cross_entropy_with_logits(")
    assert_found(diagnose(text, only=["S09"]), "S09", "loss = F.binary_cross_entropy_with_logits(")

"""Nets that train in evaluation mode."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(150, 4)
y = (x[:, 0] > 0).long()
body = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3))
net = nn.Sequential(body, nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
def score():
    net.eval()
    with torch.no_grad():
        return (net(x[100:]).argmax(1) == y[100:]).float().mean().item()
"""
EPOCH = """
for epoch in range(4):
    {before}
    for i in range(0, 100, 25):
        optimizer.zero_grad()
        z = net(x[i : i + 25])
        F.cross_entropy(z, y[i : i + 25]).backward()
        optimizer.step()
    print(score())
"""

SICK = {
    "never back": HEAD + "net.train()" + EPOCH.format(before="pass"),
}
#: The call of eval() that is to be changed stands beside the training.
BESIDE = {
    "from the start": (HEAD + "net.eval()  # here" + EPOCH.format(before="pass"), "net.eval()  # here"),
    "by train(False)": (HEAD + EPOCH.format(before="net.train(False)"), "net.train(False)"),
    "behind each epoch": (HEAD + "net.train()" + EPOCH.format(before="pass") + "    net.eval()  # here", "# here"),
}

HEALTHY = {
    "a net that is held but for its head": """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(60, 6), torch.randint(0, 3, (60,))
net = nn.Sequential(nn.Linear(6, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 3))
net.requires_grad_(False)
net[3] = nn.Linear(24, 3)
net.eval()
optimizer = torch.optim.Adam([one for one in net.parameters() if one.requires_grad], lr=0.02)
for epoch in range(6):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
""",
    "back in each epoch": HEAD + EPOCH.format(before="net.train()"),
    "a part on purpose": HEAD + EPOCH.format(before="net.train(); body.eval()"),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    assert_found(diagnose(SICK[name], only=["V02"]), "V02", "z = net(x[i : i + 25])")


@pytest.mark.parametrize("name", BESIDE)
def test_the_eval_beside_the_training_is_named(name: str, diagnose, assert_found) -> None:
    text, fragment = BESIDE[name]
    assert_found(diagnose(text, only=["V02"]), "V02", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V02"]), "V02", "passed")


def test_without_such_layers_it_does_not_matter(diagnose, assert_outcome) -> None:
    text = (HEAD + EPOCH.format(before="net.eval()")).replace(
        "nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3)", "nn.ReLU()"
    )
    assert_outcome(diagnose(text, only=["V02"]), "V02", "not applicable")

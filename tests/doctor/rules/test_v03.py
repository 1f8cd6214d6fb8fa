"""A score on the training rows, though others were held out."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(150, 4)
y = (x[:, 0] > 0).long()
train, test = TensorDataset(x[:100], y[:100]), TensorDataset(x[100:], y[100:])
train_loader, other_loader = DataLoader(train, 20, shuffle=True), DataLoader(test, 25)
net = nn.Linear(4, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    for a, b in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(a), b).backward()
        optimizer.step()
def score(batches):
    k = n = 0
    with torch.no_grad():
        for a, b in batches:
            guess = net(a).argmax(1)
            k, n = k + (guess == b).sum().item(), n + len(b)
    return k / n
"""
ARRAYS = HEAD.replace("train_loader, other_loader = ", "train_loader, _ = ").replace(
    "DataLoader(test, 25)", "(p_test := x[100:])"
)

SICK = {
    "the wrong loader": (HEAD + "print(score(train_loader))", "score(train_loader)"),
    "a loader over the training rows": (HEAD + "print(score(DataLoader(train, 50)))", "DataLoader(train, 50)"),
    "the wrong array": (
        ARRAYS + "x = None\nwith torch.no_grad():\n    print((net(train.tensors[0]).argmax(1) == y[:100]).sum())",
        "net(train.tensors[0])",
    ),
}

SICK["rows from the front"] = (
    """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.cat([torch.randn(120, 1), (torch.rand(120, 2) > 0.5).float()], 1)
y = x.sum(1, keepdim=True)
x_train, y_train, x_test, y_test = x[:100], y[:100], x[:20], y[:20]
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x_train), y_train).backward()
    optimizer.step()
with torch.no_grad():
    print(nn.functional.mse_loss(net(x_test), y_test).item())
""",
    "net(x_test)",
)
TWO = """
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
torch.manual_seed(0)
x = torch.randn(60, 4)
unread = DataLoader(Subset(TensorDataset(x, x[:, 1]), range(5, 55)), 20)
def fit(rows, shown):
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for epoch in range(4):
        for a, b in DataLoader(TensorDataset(x[rows], x[rows].sum(1, keepdim=True)), 20):
            optimizer.zero_grad()
            nn.functional.mse_loss(net(a), b).backward()
            optimizer.step()
    with torch.no_grad():
        return nn.functional.mse_loss(net(x[shown]), x[shown].sum(1, keepdim=True)).item()
i = torch.arange(60)
"""

HEALTHY = {
    "a fit of all rows, beside a loader of the same": TWO + "print(fit(i, i[:20]))",
    "each fold by the net that has not seen it": TWO.replace("x, x[:, 1]", "x + 1, x[:, 1]")
    + "print([fit(i[i % 3 != k], i[i % 3 == k]) for k in range(3)])",
    "the held-out loader": HEAD + "print(score(other_loader))",
    "both": HEAD + "print(score(train_loader), score(other_loader))",
    "nothing held out": HEAD.replace("x[100:], y[100:]", "x[:100], y[:100]")
    .replace("DataLoader(test, 25)", "0")
    .replace("x = torch.randn(150, 4)", "x = torch.randn(100, 4)")
    + "print(score(train_loader))",
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_with_its_line(name: str, diagnose, assert_found) -> None:
    text, fragment = SICK[name]
    assert_found(diagnose(text, only=["V03"]), "V03", fragment)


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_alike_is_passed(name: str, diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEALTHY[name], only=["V03"]), "V03", "passed")


def test_without_an_evaluation_there_is_nothing_to_look_at(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(HEAD, only=["V03"]), "V03", "not applicable")


HANDED = """
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split
class Own(Dataset):
    def __init__(self):
        self.x = torch.randn(150, 4)
    def __len__(self):
        return len(self.x)
    def __getitem__(self, i):
        return self.x[i], self.x[i].sum(0, keepdim=True)
torch.manual_seed(0)
a, b = random_split(Own(), [100, 50])
first, second = DataLoader(a, 50, shuffle=True), DataLoader(b, 50)
fit_loader = DataLoader(a, 50, shuffle=True)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def score(loader):
    with torch.no_grad():
        return sum(nn.functional.mse_loss(net(p), q).item() for p, q in loader)
for epoch in range(4):
    for p, q in fit_loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(p), q).backward()
        optimizer.step()
print("test", score(loader=fit_loader))
"""


def test_the_call_that_hands_the_training_loader_to_the_evaluation_is_named(diagnose, assert_found) -> None:
    assert_found(diagnose(HANDED, only=["V03"]), "V03", "score(loader=fit_loader)")


def test_the_call_that_hands_training_arrays_to_the_evaluation_is_named(diagnose, assert_found) -> None:
    text = (
        HANDED[: HANDED.index("class Own")]
        + """
torch.manual_seed(0)
x = torch.randn(150, 4)
x_train, x_test = x[:100], x[100:].clone()
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def error(a):
    with torch.no_grad():
        return nn.functional.mse_loss(net(a), a.sum(1, keepdim=True)).item()
for epoch in range(4):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x_train), x_train.sum(1, keepdim=True)).backward()
    optimizer.step()
test_error = error(x_train)
"""
    )
    assert_found(diagnose(text, only=["V03"]), "V03", "test_error = error(x_train)")


def test_rows_in_double_precision_are_told_apart(diagnose) -> None:
    text = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(60, 4, dtype=torch.float64)
y = x.sum(1, keepdim=True)
net = nn.Linear(4, 1).double()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(12):
    rows = torch.randperm(60)[:20] if step < 11 else torch.arange(20)
    xb, yb = x[rows], y[rows]
    optimizer.zero_grad()
    nn.functional.mse_loss(net(xb), yb).backward()
    optimizer.step()
with torch.no_grad():
    print(nn.functional.mse_loss(net(x[:40]), y[:40]))
"""
    assert not diagnose(text, only=["V03"]).findings

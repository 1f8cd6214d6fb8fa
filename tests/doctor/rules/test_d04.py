"""Inputs not scaled."""

from __future__ import annotations

HEAD = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
z = torch.randn(320, 3)
y = (z[:, 0] + z[:, 1] - z[:, 2] > 0).long()
table = (z * torch.tensor([12.0, 15000.0, 0.5]) + torch.tensor([45.0, 52000.0, 3.0])).numpy()
"""

LOADER = """
from torch.utils.data import DataLoader, Dataset
class Table(Dataset):
    def __init__(self, rows, labels):
        self.rows = torch.from_numpy(rows)
        self.labels = labels
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        return self.rows[i], self.labels[i]
net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(12):
    for xb, yb in DataLoader(Table(table, y), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(xb), yb).backward()
        optimizer.step()
"""

RAW = """
x = torch.tensor(table)
w1, b1 = (0.4 * torch.randn(3, 16)).requires_grad_(), torch.zeros(16, requires_grad=True)
w2, b2 = (0.3 * torch.randn(16, 2)).requires_grad_(), torch.zeros(2, requires_grad=True)
optimizer = torch.optim.Adam([w1, b1, w2, b2], lr=0.01)
for _ in range(100):
    optimizer.zero_grad()
    scores = torch.relu(x @ w1 + b1) @ w2 + b2
    loss = -torch.log_softmax(scores, 1)[torch.arange(320), y].mean()
    loss.backward()
    optimizer.step()
"""


def test_a_raw_table_is_named_where_it_becomes_a_tensor(diagnose, assert_found):
    diagnosis = diagnose(HEAD + LOADER, only=["D04"])
    assert_found(diagnosis, "D04", "self.rows = torch.from_numpy(rows)")
    assert diagnosis.findings[0].level == "E"
    assert "standardised" in diagnosis.findings[0].evidence


def test_a_raw_table_into_raw_tensors_is_named(diagnose, assert_found):
    text = HEAD + LOADER.replace("torch.from_numpy(rows)", "rows").replace("Table(table", "Table(torch.tensor(table)")
    assert_found(diagnose(text, only=["D04"]), "D04", "Table(torch.tensor(table)")


def test_a_scaled_table_is_right(diagnose, assert_outcome):
    text = HEAD + "table = (table - table.mean(0)) / table.std(0)\n" + LOADER
    assert_outcome(diagnose(text, only=["D04"]), "D04", "passed")


def test_a_norm_that_scales_is_right(diagnose, assert_outcome):
    text = HEAD + LOADER.replace("nn.Sequential(", "nn.Sequential(nn.BatchNorm1d(3), ")
    assert_outcome(diagnose(text, only=["D04"]), "D04", "passed")


def test_large_numbers_that_explain_nothing_are_not_to_blame(diagnose, assert_outcome):
    text = (HEAD + LOADER).replace("y = (z[:, 0] + z[:, 1] - z[:, 2] > 0).long()", "y = torch.randint(0, 2, (320,))")
    assert_outcome(diagnose(text.replace("lr=0.05", "lr=1e-9"), only=["D04"]), "D04", "passed")


def test_ids_of_an_embedding_are_no_inputs_to_scale(diagnose, assert_outcome):
    net = "nn.Sequential(nn.Embedding(5000, 8), nn.Flatten(), nn.Linear(8, 2))"
    text = HEAD + LOADER.replace("nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))", net)
    text = text.replace("torch.from_numpy(rows)", "torch.randint(0, 5000, (320, 1))")
    assert_outcome(diagnose(text, only=["D04"]), "D04", "passed")


def test_a_loss_without_its_inputs_is_not_replayed(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD + "print(table.mean())", only=["D04"]), "D04", "not applicable")


CARRIED = """
import torch
torch.manual_seed(0)
x, y = torch.randn(40, 24, 1), torch.randn(40, 24)
w, u, v = (torch.randn(*size).requires_grad_() for size in ((1, 8), (8, 8), (8, 1)))
h = torch.zeros(40, 8)
for start in range(0, 24, 4):
    out = []
    for k in range(start, start + 4):
        h = torch.tanh(x[:, k] @ w + h @ u)
        out.append(h @ v)
    loss = ((torch.cat(out, 1) - y[:, start : start + 4]) ** 2).mean()
    loss.backward()
    h = h.detach()
    for one in (w, u, v):
        one.data -= 0.01 * one.grad
        one.grad = None
"""


def test_inputs_of_several_widths_in_turn_are_no_flaw(diagnose):
    assert not diagnose(CARRIED, only=["D04"]).failures

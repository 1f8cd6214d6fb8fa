"""What the run showed and what the source shows of one bug stand on one line."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(96, 4)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def learn(xb, yb):
    optimizer.zero_grad()
    F.cross_entropy(net(xb), yb).backward()
    optimizer.step()
"""
LOOP = """
for epoch in range(6):
    net.train()
    for i in range(0, 80, 16):
        learn(x[i : i + 16], y[i : i + 16])
net.eval()
with torch.no_grad():
    print((net(x[80:]).argmax(1) == y[80:]).float().mean())
"""
SICK = {
    ("A01", "O01"): (HEAD.replace("optimizer.zero_grad()", "optimizer.zero_grad") + LOOP, "optimizer.zero_grad"),
    ("A01", "O03"): (HEAD.replace("optimizer.step()", "optimizer.step") + LOOP, "optimizer.step"),
    ("A01", "V01"): (HEAD + LOOP.replace("net.eval()", "net.eval"), "net.eval"),
    ("A01", "V02"): (
        HEAD + LOOP.replace("net.train()", "net.train").replace("for epoch", "net.eval()\nfor epoch"),
        "net.train",
    ),
    ("A08", "S05"): (
        HEAD + LOOP.replace("for i in range(0, 80, 16):", "for i in range(0, 80, 16):\n        a = x[i : i + 16 - 1]")
        .replace("learn(x[i : i + 16], y[i : i + 16])", "learn(a, y[i : i + 15])"),
        "a = x[i : i + 16 - 1]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("rules", SICK, ids=" ".join)
def test_both_rules_name_the_line_of_the_cause(rules: tuple[str, str], diagnose) -> None:
    text, line = SICK[rules]
    diagnosis = diagnose(text, only=rules)
    assert diagnosis.failures == ()
    assert {(one.rule, one.source.strip()) for one in diagnosis.findings} == {(rule, line) for rule in rules}


def test_the_place_is_the_same_when_the_source_is_not_asked_for(diagnose, assert_found) -> None:
    text, line = SICK["A01", "O01"]
    assert_found(diagnose(text, only=["O01"]), "O01", line)


def test_functional_dropout_is_named_where_it_stands(diagnose) -> None:
    text = """
        import torch
        from torch import nn
        import torch.nn.functional as F
        torch.manual_seed(0)
        x = torch.randn(90, 4)
        y = (x[:, 0] > 0).long()
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(4, 16), nn.Linear(16, 2)
            def forward(self, x):
                return self.b(F.dropout(torch.relu(self.a(x)), 0.4))
        net = Net()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for epoch in range(8):
            net.train()
            optimizer.zero_grad()
            F.cross_entropy(net(x[:60]), y[:60]).backward()
            optimizer.step()
            net.eval()
            with torch.no_grad():
                print((net(x[60:]).argmax(1) == y[60:]).float().mean())
        """
    found = diagnose(text, only=["A06", "V01"]).findings
    assert [(one.rule, "F.dropout" in one.source) for one in found] == [("V01", True), ("A06", True)]


def test_a_scaler_fitted_again_is_named_once(diagnose) -> None:
    text = """
        import torch
        from sklearn.model_selection import train_test_split
        from sklearn.preprocessing import StandardScaler
        torch.manual_seed(0)
        x = torch.randn(200, 3) * 4 + 2
        def prepare(known, held):
            scaler = StandardScaler()
            known, held = scaler.fit_transform(known), scaler.fit_transform(held)
            targets = StandardScaler().fit_transform(x[:, :1].numpy())
            return torch.tensor(known).float(), torch.tensor(held).float()
        known, held = train_test_split(x.numpy(), random_state=0)
        known, held = prepare(known, held)
        net = torch.nn.Linear(3, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for epoch in range(6):
            optimizer.zero_grad()
            (net(known) - known[:, :1]).pow(2).mean().backward()
            optimizer.step()
        with torch.no_grad():
            print((net(held) - held[:, :1]).pow(2).mean())
        """
    found = diagnose(text, only=["A07", "V05"]).findings
    assert {(one.rule, one.source.strip()[:11]) for one in found} == {("A07", "known, held"), ("V05", "known, held")}

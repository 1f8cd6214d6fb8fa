"""Where a scaling, a comparison or a copied row is named, and what is no training on held-out rows."""

from __future__ import annotations

import pytest

HEAD = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
rng = np.random.default_rng(0)
A = rng.normal(size=(260, 4)) * [1.0, 20.0, 3.0, 300.0] + [0.0, 50.0, -4.0, 900.0]
t = (A[:, 0] + A[:, 1] / 20 > 2.5).astype("float32")
def fit(net, x, y, n=8):
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for epoch in range(n):
        order = torch.randperm(len(x))
        for i in range(0, len(x), 50):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(net(x[order[i : i + 50]])[:, 0], y[order[i : i + 50]]).backward()
            optimizer.step()
def score(net, x, y):
    with torch.no_grad():
        return ((net(x)[:, 0] > 0) == y.bool()).float().mean()
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
"""
SCALED = """
x, y = torch.tensor(A, dtype=torch.float32), torch.tensor(t)
fit(net, x[:200], y[:200])
print(score(net, x[200:], y[200:]))
"""
GIVEN = """
x, y = torch.tensor((A - A[:200].mean(0)) / A[:200].std(0), dtype=torch.float32), torch.tensor(t)
fit(net, x[:200], y[:200])
"""

SICK = {
    ("V03", "a part of a split that is never read"): (
        HEAD + "from sklearn.model_selection import train_test_split\n"
        "def main():\n    a, b, c, d = train_test_split((A / 100).astype('float32'), t, random_state=0)\n"
        "    fit(net, torch.from_numpy(a), torch.from_numpy(c))\n    with torch.no_grad():\n"
        "        out = net(torch.from_numpy(a))\n    print(((out[:, 0].numpy() > 0) == c).mean())\nmain()",
        "out = net(torch.from_numpy(a))",
    ),
    ("V05", "a mean of something else comes first"): (
        HEAD + "print(t.mean())\nlevel = t.mean()\nmu, sd = A.mean(0), A.std(0)\nA = (A - mu) / sd\n" + SCALED,
        "mu, sd = A.mean(0), A.std(0)",
    ),
    ("V05", "a helper returns it"): (
        HEAD + "share = t.mean()\ndef scaled(a):\n    return (a - a.mean(axis=0)) / a.std(axis=0)\n"
        "A = scaled(A)\n" + SCALED,
        "return (a - a.mean(axis=0))",
    ),
    ("V05", "encoded first"): (
        HEAD + "from sklearn.preprocessing import LabelEncoder, StandardScaler\nle = LabelEncoder()\n"
        "t = le.fit_transform(t).astype('float32')\nA = StandardScaler().fit_transform(A)\n" + SCALED,
        "A = StandardScaler()",
    ),
    ("V05", "a function of the library"): (
        HEAD + "from sklearn.preprocessing import scale\nA = scale(A)\n" + SCALED,
        "A = scale(A)",
    ),
    ("V05", "each row by itself"): (
        HEAD + "A = (A - A.mean(axis=1, keepdims=True)) / A.std(axis=1, keepdims=True)\n" + SCALED,
        "A.mean(axis=1",
    ),
    ("V05", "each row by itself, in a function"): (
        HEAD + "def standard(x):\n    m = x.mean(dim=1, keepdim=True)\n"
        "    return (x - m) / x.std(dim=1, keepdim=True)\n"
        + SCALED.replace("fit(", "x = standard(x)\nfit("),
        "m = x.mean(dim=1, keepdim=True)",
    ),
    ("V06", "arrays in a function"): (
        HEAD + GIVEN + "def accuracy(x, y):\n    with torch.no_grad():\n        out = net(x).numpy()\n"
        "    pred = (out > 0).astype('float32')\n    return np.mean(pred == y.numpy())\n"
        "print(accuracy(x[200:], y[200:]))",
        "return np.mean(pred == y.numpy())",
    ),
    ("V06", "arrays in a function, hits named first"): (
        HEAD + GIVEN + "def accuracy(x, truth):\n    pred = (net(x).detach().numpy() > 0).astype(int)\n"
        "    hits = pred == truth\n    return hits.mean()\nheld = t[200:]\nprint(accuracy(x[200:], held))",
        "hits = pred == truth",
    ),
}  # fmt: skip

HEALTHY = {
    ("V03", "all points, tested in words only"): """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(-3, 3, 120).unsqueeze(1)
y = torch.sin(x)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1)); opt = torch.optim.Adam(net.parameters(), 0.01)
for e in range(60):
    opt.zero_grad(); loss = nn.functional.mse_loss(net(x), y); loss.backward(); opt.step()
with torch.no_grad():
    print("test prediction error", (net(x) - y).abs().max().item())
""",
    ("V01", "a text that is made up"): """
import torch
from torch import nn
torch.manual_seed(1)
ids = torch.randint(0, 9, (300,))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.g = nn.Embedding(9, 8), nn.GRU(8, 16, batch_first=True)
        self.d, self.f = nn.Dropout(0.1), nn.Linear(16, 9)
    def forward(self, x, h=None):
        o, h = self.g(self.e(x), h)
        return self.f(self.d(o)), h
m = Net(); opt = torch.optim.Adam(m.parameters(), 0.01)
for e in range(12):
    i = torch.randint(0, 270, (8,))
    x, y = torch.stack([ids[k:k + 25] for k in i]), torch.stack([ids[k + 1:k + 26] for k in i])
    opt.zero_grad(); out, _ = m(x); nn.functional.cross_entropy(out.view(-1, 9), y.view(-1)).backward(); opt.step()
with torch.no_grad():
    s, h, said = torch.tensor([[3]]), None, []
    for _ in range(20):
        o, h = m(s, h)
        s = o[:, -1].argmax(-1, keepdim=True)
        said.append(s.item())
print(said)
""",
    ("V04", "saliency and attacks on held-out rows"): HEAD + GIVEN + """
def by_input(rows):
    rows = rows.clone().requires_grad_()
    net(rows).sum().backward()
    return rows.grad
saliency = by_input(x[200:220])
attacked = x[220:240] + 0.1 * by_input(x[220:240]).sign()
print(score(net, attacked, y[220:240]), score(net, x[200:], y[200:]))
""",
    ("V03", "inputs that want gradients"): HEAD + GIVEN.replace("fit(", "x.requires_grad_()\nfit(")
    + "print(score(net, x[200:], y[200:]))",
    ("V05", "pictures one by one"): HEAD + """
P = np.exp(-(np.arange(36) - rng.integers(8, 28, 260)[:, None]) ** 2 / 20) + 0.05 * rng.normal(size=(260, 36))
P = (P - P.mean(1, keepdims=True)) / P.std(1, keepdims=True)
x, y = torch.tensor(P, dtype=torch.float32), torch.tensor(t)
net = nn.Sequential(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 1))
fit(net, x[:200], y[:200])
print(score(net, x[200:], y[200:]))
""",
    ("V05", "windows one by one"): HEAD + """
s = rng.normal(size=300).cumsum()
P = np.stack([s[i : i + 8] for i in range(260)])
P = (P - P.mean(1, keepdims=True)) / P.std(1, keepdims=True)
x, y = torch.tensor(P, dtype=torch.float32), torch.tensor(t)
net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
fit(net, x[:200], y[:200])
print(score(net, x[200:], y[200:]))
""",
    ("V06", "thresholds of a curve"): HEAD + GIVEN + """
with torch.no_grad():
    p = torch.sigmoid(net(x[200:]))[:, 0]
assert (p <= 1).all() and (p >= 0).all()
for limit in torch.linspace(0, 1, 11).tolist():
    called = p >= limit
    print((called & y[200:].bool()).sum() / y[200:].sum())
print([((p >= limit).float() * y[200:]).sum() for limit in (0.0, 0.5, 1.0)])
""",
    ("V06", "hits of a generator"): HEAD + GIVEN + """
from torch.utils.data import DataLoader, TensorDataset
held = DataLoader(TensorDataset(x[200:], y[200:]), 20)
with torch.no_grad():
    hits = sum(((net(a)[:, 0] > 0) == b.bool()).sum().item() for a, b in held)
print(hits / len(held.dataset))
share = 0.0
with torch.no_grad():
    for i in range(200, 260, 20):
        share += ((net(x[i : i + 20])[:, 0] > 0) == y[i : i + 20].bool()).sum().item() / len(held.dataset)
""",
    ("V06", "arrays of one shape in a function"): HEAD + GIVEN + """
def accuracy(x, truth):
    out = net(x).detach().numpy()[:, 0]
    return np.mean((out > 0).astype(int) == truth)
held = t[200:]
print(accuracy(x[200:], held))
""",
}  # fmt: skip


@pytest.mark.parametrize("key", SICK, ids=" ".join)
def test_it_is_found_with_its_line(key: tuple[str, str], diagnose, assert_found) -> None:
    text, fragment = SICK[key]
    assert_found(diagnose(text, only=[key[0]]), key[0], fragment)


@pytest.mark.parametrize("key", HEALTHY, ids=" ".join)
def test_nothing_is_said(key: tuple[str, str], diagnose) -> None:
    diagnosis = diagnose(HEALTHY[key], only=["V"])
    assert diagnosis.failures == ()
    assert diagnosis.script_exit == 0
    assert [one for one in diagnosis.findings if one.level != "N"] == []

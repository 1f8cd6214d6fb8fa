"""Healthy programs that look like a mistake to one rule: nothing of it is found, and no part of the doctor fails."""

from __future__ import annotations

import pytest

HEAD = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
torch.manual_seed(0)
x = torch.randn(200, 4)
y = (x.sum(1) > 0).long()
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
def learn(loss):
    opt.zero_grad()
    loss.backward()
    opt.step()
"""

PROGRAMS = {
    "V06: pictures and texts, each looked for among all others": """
u, v = net(x[:32]), net(x[32:64])
learn(F.cross_entropy(u @ v.T, torch.arange(32)))
with torch.no_grad():
    s = net(x[64:96]) @ net(x[96:128]).T
print((s.argmax(dim=1) == torch.arange(32)).float().mean(), (s.argmax(dim=0) == torch.arange(32)).float().mean())
""",
    "V06: more held-out rows than are kept": """
many = torch.randn(260_000, 4)
loader = DataLoader(TensorDataset(many, (many.sum(1) > 0).long()), batch_size=20_000)
learn(F.cross_entropy(net(x), y))
hits = 0
with torch.no_grad():
    for a, b in loader:
        hits += (net(a).argmax(1) == b).sum().item()
print(hits / len(many))
""",
    "A08: the next element is the target": """
words, size = torch.randint(0, 4, (100,)), 10
for i in range(0, len(words) - size, size):
    a, b = words[i : i + size], words[i + 1 : i + size + 1]
    learn(F.cross_entropy(net(F.one_hot(a, 4).float()), b % 2))
""",
    "S04: the real and the made, labelled by a function": """
def loss_of(rows, is_real):
    return F.binary_cross_entropy_with_logits(net(rows)[:, :1], torch.tensor([[float(is_real)]] * len(rows)))
for step in range(12):
    learn(loss_of(x[torch.randint(0, 200, (16,))], True) + loss_of(torch.randn(16, 4), False))
    learn(loss_of(torch.randn(16, 4), True))
""",
    "V05: powers of numbers from 0 to 1": """
t = torch.linspace(0, 1, 60)
x, y = torch.stack([t, t**2, t**3, t**4], 1), (t > 0.5).long()
torch.manual_seed(1)
order = torch.randperm(60)
for _ in range(20):
    learn(F.cross_entropy(net(x[order[:45]]), y[order[:45]]))
with torch.no_grad():
    print((net(x[order[45:]]).argmax(1) == y[order[45:]]).float().mean())
""",
    "S05: a batch of a shuffled loader a step": """
loader = DataLoader(TensorDataset(x, y), batch_size=5, shuffle=True)
for step in range(12):
    a, b = next(iter(loader))
    learn(F.cross_entropy(net(a), b))
""",
    "S05: rows drawn anew each time": """
many = torch.randn(3_000, 4)
for step in range(420):
    rows = torch.randint(0, 3_000, (16,))
    learn(F.cross_entropy(net(many[rows]), (many[rows].sum(1) > 0).long()))
""",
    "S05: two datasets of one class, each with its part": """
class Part(Dataset):
    def __init__(self, start, rest):
        self.x, self.y, self.start, self.rest = x, y, start, rest
    def __len__(self):
        return len(self.x) - self.rest
    def __getitem__(self, i):
        return self.x[i + self.start], self.y[i + self.start]
held_out = DataLoader(Part(160, 160), batch_size=20)
for epoch in range(2):
    for a, b in DataLoader(Part(0, 40), batch_size=20, shuffle=True):
        learn(F.cross_entropy(net(a), b))
with torch.no_grad():
    print(sum((net(a).argmax(1) == b).sum().item() for a, b in held_out))
""",
    "A02: in place by its second argument": "F.relu(x, True)\nF.leaky_relu(x, 0.1, True)\n",
    "A02: silenced at the end of its lines": "torch.clamp(\n    x, 0)  # doctor: ok A02\n",
    "A03: a setting that is computed": "keep = 0.8\nprint(nn.Dropout(1 - keep), nn.LeakyReLU(keep / 2))\n",
    "A06: dropout that is on by its own word": """
class Net(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.1, training=True)
print(Net()(x).std())
""",
    "S08: a generator that made up the data": """
class Made(Dataset):
    def __init__(self):
        self.rng = np.random.default_rng(0)
        self.x = self.rng.normal(size=(20, 4)).astype("float32")
    def __len__(self):
        return len(self.x)
    def __getitem__(self, i):
        return self.x[i], i % 2
if __name__ == "__main__":
    for a, b in DataLoader(Made(), batch_size=10, num_workers=2):
        learn(F.cross_entropy(net(a), b))
""",
    "S02: pieces of a row, as many as a batch has rows": """
wide, last = nn.Linear(16, 4), nn.Linear(16, 2)
rows = torch.randn(16, 64)
print(last(wide(rows.view(-1, 16)).view(len(rows), -1)).shape)
""",
    "V03: first the test, then the lesson": """
for i in range(0, 200, 20):
    x_test, y_test = x[i : i + 20], y[i : i + 20]
    with torch.no_grad():
        print((net(x_test).argmax(1) == y_test).sum())
    learn(F.cross_entropy(net(x_test), y_test))
""",
    "S01: each row against centres that learn": """
centres = nn.Parameter(torch.linspace(-2, 2, 32))
a = x[:32, :1]
weights = torch.exp(-((a - centres) ** 2))
(weights @ torch.ones(32, 1)).sum().backward()
""",
    "D08: layers that get their shape at the first call": """
net = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))
net(x[:1])
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(5):
    learn(F.cross_entropy(net(x), y))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_found_and_nothing_fails(name: str, diagnose) -> None:
    diagnosis = diagnose(HEAD + PROGRAMS[name], only=[name[:3]])
    assert diagnosis.script_exit == 0
    assert not diagnosis.failures
    assert not [one for one in diagnosis.findings if one.level != "N"]

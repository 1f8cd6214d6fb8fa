"""What looks like a wrong evaluation and is none."""

from __future__ import annotations

import pytest

DATA = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X = torch.randn(260, 6)
w_true = torch.randn(6, 1)
y = X @ w_true + 0.1 * torch.randn(260, 1)
c = (y[:, 0] > 0).long()
X_train, X_test, y_train, y_test, c_train, c_test = X[:200], X[200:], y[:200], y[200:], c[:200], c[200:]
"""
DROPOUT = (
    DATA
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.d, self.b = nn.Linear(6, 32), nn.Dropout(0.3), nn.Linear(32, 2)
    def forward(self, x):
        return self.b(self.d(torch.relu(self.a(x))))
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
crit = nn.CrossEntropyLoss()
train_dl = DataLoader(TensorDataset(X_train, c_train), batch_size=50, shuffle=True)
test_dl = DataLoader(TensorDataset(X_test, c_test), batch_size=30)
"""
)
FIT = """
for epoch in range(5):
    net.train()
    for xb, yb in train_dl:
        opt.zero_grad()
        crit(net(xb), yb).backward()
        opt.step()
"""
TABLE = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_wine, load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler, MinMaxScaler
torch.manual_seed(0); np.random.seed(0)
A, t = load_breast_cancer(return_X_y=True)
def fit(model, x, y, n=30, lr=0.01):
    o = torch.optim.Adam(model.parameters(), lr=lr)
    for e in range(n):
        o.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        o.step()
def tt(a): return torch.tensor(a, dtype=torch.float32)
def tl(a): return torch.tensor(a, dtype=torch.long)
"""

HEALTHY = {
    ("V01", "dcgan"): (
        DATA
        + """
G = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 6))
D = nn.Sequential(nn.Linear(6, 32), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(32, 1))
og, od = torch.optim.Adam(G.parameters(), 2e-3), torch.optim.Adam(D.parameters(), 2e-3)
bce = nn.BCEWithLogitsLoss()
fixed = torch.randn(16, 4)
samples = []
for e in range(12):
    for i in range(0, 200, 50):
        real = X_train[i:i + 50]
        fake = G(torch.randn(50, 4))
        od.zero_grad()
        r, f = D(real), D(fake.detach())
        (bce(r, torch.ones_like(r)) + bce(f, torch.zeros_like(f))).backward()
        od.step()
        og.zero_grad()
        f = D(fake)
        bce(f, torch.ones_like(f)).backward()
        og.step()
    with torch.no_grad():
        samples.append(G(fixed).detach().cpu().numpy())
        print(D(G(fixed)).mean().item())
"""
    ),
    ("V01", "mc never eval"): (
        DROPOUT
        + FIT
        + """
with torch.no_grad():
    draws = torch.stack([net(X_test).softmax(1) for _ in range(30)])
mean = draws.mean(0)
print((mean.argmax(1) == c_test).float().mean().item(), draws.std(0).mean().item())
"""
    ),
    ("V01", "rl"): (
        DATA
        + """
q = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 2))
o = torch.optim.Adam(q.parameters(), lr=0.01)
memory = []
s = torch.randn(6)
for step in range(120):
    with torch.no_grad():
        a = q(s.unsqueeze(0)).argmax(1).item()
    r = float(a == int(s.sum() > 0))
    s2 = torch.randn(6)
    memory.append((s, a, r))
    s = s2
    if len(memory) >= 16:
        idx = np.random.randint(0, len(memory), 16)
        bs = torch.stack([memory[i][0] for i in idx])
        ba = torch.tensor([memory[i][1] for i in idx])
        br = torch.tensor([memory[i][2] for i in idx])
        loss = F.mse_loss(q(bs).gather(1, ba[:, None])[:, 0], br)
        o.zero_grad(); loss.backward(); o.step()
"""
    ),
    ("V01", "textgen"): (
        DATA
        + """
V = 12
seq = torch.arange(4000) % V
class LM(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.g = nn.Embedding(V, 16), nn.GRU(16, 16, batch_first=True)
        self.d, self.f = nn.Dropout(0.2), nn.Linear(16, V)
    def forward(self, x, h=None):
        o, h = self.g(self.e(x), h)
        return self.f(self.d(o)), h
m = LM()
o = torch.optim.Adam(m.parameters(), 0.02)
def sample(n):
    x, h, out = torch.zeros(1, 1, dtype=torch.long), None, []
    with torch.no_grad():
        for _ in range(n):
            l, h = m(x, h)
            x = torch.multinomial(l[:, -1].softmax(-1), 1)
            out.append(x.item())
    return out
for it in range(40):
    i = torch.randint(0, 3900, (16,))
    xb = torch.stack([seq[k:k + 12] for k in i]); yb = torch.stack([seq[k + 1:k + 13] for k in i])
    l, _ = m(xb)
    loss = F.cross_entropy(l.reshape(-1, V), yb.reshape(-1))
    o.zero_grad(); loss.backward(); o.step()
    if it % 10 == 0:
        print(sample(10))
m.eval()
print(sample(20))
"""
    ),
    ("V01", "no running"): (
        DATA
        + """
net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16, track_running_stats=False), nn.ReLU(), nn.Linear(16, 2))
o = torch.optim.Adam(net.parameters(), lr=0.01)
for e in range(30):
    net.train()
    o.zero_grad()
    F.cross_entropy(net(X_train), c_train).backward()
    o.step()
net.eval()
with torch.no_grad():
    print((net(X_test).argmax(1) == c_test).float().mean().item())
"""
    ),
    ("V02", "frozen backbone"): (
        DATA
        + """
back = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
o = torch.optim.Adam(back.parameters(), 0.01)
tmp = nn.Linear(16, 1)
for e in range(20):
    o.zero_grad(); F.mse_loss(tmp(back(X_train)), y_train).backward(); o.step()
for p in back.parameters():
    p.requires_grad = False
back.eval()
head = nn.Linear(16, 2)
o2 = torch.optim.Adam(head.parameters(), 0.01)
for e in range(30):
    o2.zero_grad()
    F.cross_entropy(head(back(X_train)), c_train).backward()
    o2.step()
with torch.no_grad():
    print((head(back(X_test)).argmax(1) == c_test).float().mean().item())
"""
    ),
    ("V02", "pgd"): (
        DROPOUT
        + """
for epoch in range(5):
    for xb, yb in train_dl:
        net.eval()
        adv = xb.clone().requires_grad_(True)
        for k in range(3):
            l = crit(net(adv), yb)
            g, = torch.autograd.grad(l, adv)
            adv = (adv + 0.02 * g.sign()).detach().requires_grad_(True)
        net.train()
        opt.zero_grad()
        crit(net(adv.detach()), yb).backward()
        opt.step()
net.eval()
print((net(X_test).argmax(1) == c_test).float().mean().item())
"""
    ),
    ("V02", "feature loss"): (
        DATA
        + """
critic = nn.Sequential(nn.Linear(6, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 2))
oc = torch.optim.Adam(critic.parameters(), 0.01)
for e in range(20):
    oc.zero_grad(); F.cross_entropy(critic(X_train), c_train).backward(); oc.step()
critic.eval()
gen = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 6))
og = torch.optim.Adam(gen.parameters(), 0.01)
for e in range(30):
    loss = F.cross_entropy(critic(gen(X_train)), 1 - c_train) + F.mse_loss(gen(X_train), X_train)
    og.zero_grad(); loss.backward(); og.step()
with torch.no_grad():
    print(F.mse_loss(gen(X_test), X_test).item())
"""
    ),
    ("V03", "many batches"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a)
trl = DataLoader(TensorDataset(tt(sc.transform(a)), tl(c)), batch_size=4, shuffle=True)
tel = DataLoader(TensorDataset(tt(sc.transform(b)), tl(d)), batch_size=4)
X_test = tt(sc.transform(b))
m = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 2))
o = torch.optim.Adam(m.parameters(), 0.01)
def acc(dl):
    h = 0
    with torch.no_grad():
        for xb, yb in dl:
            h += (m(xb).argmax(1) == yb).sum().item()
    return h / len(dl.dataset)
for e in range(6):
    for xb, yb in trl:
        o.zero_grad(); F.cross_entropy(m(xb), yb).backward(); o.step()
    print(acc(trl))
print(acc(tel))
"""
    ),
    ("V03", "toy all rows"): (
        """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.tensor([[a, b, c] for a in (0., 1.) for b in (0., 1.) for c in (0., 1.)])
y = (x.sum(1, keepdim=True) % 2)
m = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))
o = torch.optim.Adam(m.parameters(), 0.05)
for e in range(200):
    loss = nn.functional.binary_cross_entropy_with_logits(m(x), y)
    o.zero_grad(); loss.backward(); o.step()
with torch.no_grad():
    print("testing", ((m(x) > 0).float() == y).float().mean().item())
"""
    ),
    ("V04", "titanic like"): (
        TABLE
        + """
rng = np.random.RandomState(0)
x = np.stack([rng.randint(low, high, 600) for low, high in ((1, 4), (0, 2), (0, 6), (0, 3))], 1).astype("float32")
yy = ((x[:, 1] + (x[:, 0] < 2) + 0.3 * rng.randn(600)) > 1).astype(int)
a, b, c, d = train_test_split(x, yy, test_size=0.25, random_state=0)
mu, sd = a.mean(0), a.std(0)
m = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
fit(m, tt((a - mu) / sd), tl(c))
with torch.no_grad():
    print((m(tt((b - mu) / sd)).argmax(1) == tl(d)).float().mean().item())
"""
    ),
    ("V05", "val from scaled train"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a)
a, b = sc.transform(a), sc.transform(b)
a2, v, c2, u = train_test_split(a, c, test_size=0.2, random_state=1)
m = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
o = torch.optim.Adam(m.parameters(), 0.01)
for e in range(30):
    o.zero_grad(); F.cross_entropy(m(tt(a2)), tl(c2)).backward(); o.step()
    with torch.no_grad():
        m(tt(v)).argmax(1)
with torch.no_grad():
    print((m(tt(b)).argmax(1) == tl(d)).float().mean().item())
"""
    ),
    ("V06", "subset sampler right"): (
        TABLE
        + """
sc = StandardScaler().fit(A[:400])
ds = TensorDataset(tt(sc.transform(A)), tl(t))
train_idx, val_idx = list(range(400)), np.arange(400, 569)
tl_ = DataLoader(ds, 50, sampler=torch.utils.data.SubsetRandomSampler(train_idx))
vl = DataLoader(ds, 50, sampler=torch.utils.data.SubsetRandomSampler(val_idx.tolist()))
m = nn.Sequential(nn.Linear(30, 2))
o = torch.optim.Adam(m.parameters(), 0.02)
for e in range(4):
    hits = 0
    for xb, yb in tl_:
        out = m(xb)
        loss = F.cross_entropy(out, yb); o.zero_grad(); loss.backward(); o.step()
        hits += (out.argmax(1) == yb).sum().item()
    print(hits / len(train_idx))
correct = 0
with torch.no_grad():
    for xb, yb in vl:
        correct += (m(xb).argmax(1) == yb).sum().item()
print(correct / len(val_idx), 100. * correct / len(vl.sampler))
"""
    ),
    ("V06", "both sets"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
trl = DataLoader(TensorDataset(xtr, ytr), 64, shuffle=True, drop_last=True)
tel = DataLoader(TensorDataset(xte, yte), 64)
m = nn.Sequential(nn.Linear(30, 2))
o = torch.optim.Adam(m.parameters(), 0.02)
for e in range(4):
    correct = 0
    for xb, yb in trl:
        out = m(xb)
        loss = F.cross_entropy(out, yb); o.zero_grad(); loss.backward(); o.step()
        correct += (out.argmax(1) == yb).sum().item()
    train_acc = correct / len(trl.dataset)
    correct = 0
    with torch.no_grad():
        for xb, yb in tel:
            correct += (m(xb).argmax(1) == yb).sum().item()
    print(train_acc, correct / len(tel.dataset))
"""
    ),
    ("V06", "loop accuracy"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
trl, tel = DataLoader(TensorDataset(xtr, ytr), 64, shuffle=True), DataLoader(TensorDataset(xte, yte), 64)
m = nn.Sequential(nn.Linear(30, 2))
o = torch.optim.Adam(m.parameters(), 0.02)
for e in range(4):
    for xb, yb in trl:
        out = m(xb)
        loss = F.cross_entropy(out, yb); o.zero_grad(); loss.backward(); o.step()
        acc = (out.argmax(1) == yb).sum().item() / len(yb)
def test(loader):
    size = len(loader.dataset)
    correct = 0
    with torch.no_grad():
        for X, y in loader:
            pred = m(X)
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    correct /= size
    return correct
print(test(trl), test(tel))
"""
    ),
}


@pytest.mark.parametrize("key", HEALTHY, ids=" ".join)
def test_nothing_is_said(key: tuple[str, str], diagnose) -> None:
    diagnosis = diagnose(HEALTHY[key], only=["V"])
    assert diagnosis.failures == ()
    assert diagnosis.script_exit == 0
    assert [one for one in diagnosis.findings if one.level != "N"] == []

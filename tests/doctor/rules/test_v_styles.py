"""Evaluations that go wrong, in many styles."""

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

SICK = {
    ("V01", "restored"): (
        DROPOUT
        + """
X_val, c_val = X_train[150:], c_train[150:]
def validate():
    net.eval()
    with torch.no_grad():
        acc = (net(X_val).argmax(1) == c_val).float().mean().item()
    net.train()
    return acc
for epoch in range(5):
    for i in range(0, 150, 50):
        opt.zero_grad()
        crit(net(X_train[i:i + 50]), c_train[i:i + 50]).backward()
        opt.step()
    print(validate())
with torch.no_grad():
    final = (net(X_test).argmax(1) == c_test).float().mean()
print(final)
""",
        "final = (net(X_test).argmax(1) == c_test).float().mean()",
    ),
    ("V01", "sdpa"): (
        DATA
        + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = nn.Linear(2, 8), nn.Linear(2, 8), nn.Linear(2, 8), nn.Linear(8, 2)
    def forward(self, x):
        x = x.view(-1, 3, 2)
        h = F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), dropout_p=0.2)
        return self.o(h).mean(1)
net = Net()
o = torch.optim.Adam(net.parameters(), lr=0.01)
for e in range(20):
    net.train()
    o.zero_grad()
    F.cross_entropy(net(X_train), c_train).backward()
    o.step()
net.eval()
with torch.no_grad():
    acc = (net(X_test).argmax(1) == c_test).float().mean()
print(acc)
""",
        "h = F.scaled_dot_product_attention(",
    ),
    ("V01", "encoder only"): (
        """
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier
"""
        + DATA
        + """
A, t = load_iris(return_X_y=True)
A = (A - A.mean(0)) / A.std(0)
A = A.astype("float32")
perm = np.random.RandomState(0).permutation(150)
A_train, A_test, t_train, t_test = A[perm[:100]], A[perm[100:]], t[perm[:100]], t[perm[100:]]
class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 2))
        self.decoder = nn.Linear(2, 4)
    def forward(self, x):
        return self.decoder(self.encoder(x))
net = AE()
o = torch.optim.Adam(net.parameters(), lr=0.01)
xb = torch.tensor(A_train)
for e in range(50):
    o.zero_grad()
    F.mse_loss(net(xb), xb).backward()
    o.step()
with torch.no_grad():
    z = net.encoder(torch.tensor(A_test)).numpy()
print(KNeighborsClassifier(3).fit(z[:30], t_test[:30]).score(z[30:], t_test[30:]))
""",
        "z = net.encoder(torch.tensor(A_test)).numpy()",
    ),
    ("V02", "functional"): (
        DATA
        + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 32), nn.Linear(32, 2)
    def forward(self, x):
        return self.b(F.dropout(torch.relu(self.a(x)), 0.5, training=self.training))
net = Net()
o = torch.optim.Adam(net.parameters(), lr=0.01)
for e in range(20):
    o.zero_grad()
    loss = F.cross_entropy(net(X_train), c_train)
    loss.backward()
    o.step()
    net.eval()
    with torch.no_grad():
        print((net(X_test).argmax(1) == c_test).float().mean())
""",
        "net.eval()",
    ),
    ("V03", "wrong tensor main"): (
        TABLE
        + """
def main():
    a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
    sc = StandardScaler().fit(a)
    a, b, c, d = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
    m = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
    fit(m, a, c)
    with torch.no_grad():
        pred = m(a)
        print("test accuracy", (pred.argmax(1) == c).float().mean().item())
main()
""",
        "pred = m(a)",
    ),
    ("V03", "test loader of train"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a)
train_ds = TensorDataset(tt(sc.transform(a)), tl(c)); test_ds = TensorDataset(tt(sc.transform(b)), tl(d))
train_loader = DataLoader(train_ds, batch_size=64, shuffle=True)
test_loader = DataLoader(train_ds, batch_size=64)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
o = torch.optim.Adam(model.parameters(), 0.01)
for e in range(4):
    for xb, yb in train_loader:
        o.zero_grad(); F.cross_entropy(model(xb), yb).backward(); o.step()
hits = 0
with torch.no_grad():
    for xb, yb in test_loader:
        hits += (model(xb).argmax(1) == yb).sum().item()
print(hits / len(train_ds))
""",
        "test_loader = DataLoader(train_ds, batch_size=64)",
    ),
    ("V04", "repeat"): (
        TABLE
        + """
x, y = tt(A) / tt(A).std(0), tl(t)
x = x.repeat(4, 1)
y = y.repeat(4)
p = torch.randperm(len(x))
tr, te = p[:1800], p[1800:]
m = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
fit(m, x[tr], y[tr])
with torch.no_grad():
    print((m(x[te]).argmax(1) == y[te]).float().mean().item())
""",
        "x = x.repeat(4, 1)",
    ),
    ("V04", "digits"): (
        TABLE
        + """
A, t = load_digits(return_X_y=True)
A = A / 16
A = np.vstack([A, A[:600]])
t = np.hstack([t, t[:600]])
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
m = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
fit(m, tt(a), tl(c))
with torch.no_grad():
    print((m(tt(b)).argmax(1) == tl(d)).float().mean().item())
""",
        "A = np.vstack([A, A[:600]])",
    ),
    ("V05", "val never used"): (
        TABLE
        + """
A = StandardScaler().fit_transform(A)
a, b, c, d = train_test_split(A, t, test_size=0.4, random_state=0)
v, b, u, d = train_test_split(b, d, test_size=0.5, random_state=0)
m = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
fit(m, tt(a), tl(c))
with torch.no_grad():
    print((m(tt(b)).argmax(1) == tl(d)).float().mean().item())
""",
        "A = StandardScaler().fit_transform(A)",
    ),
    ("V06", "len other"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
m = nn.Sequential(nn.Linear(30, 2))
fit(m, xtr, ytr)
with torch.no_grad():
    hits = (m(xte).argmax(1) == yte).sum().item()
acc = hits / len(xtr)
print(acc)
""",
        "acc = hits / len(xtr)",
    ),
    ("V06", "sigmoid int"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tt(c), tl(d)
m = nn.Sequential(nn.Linear(30, 1))
o = torch.optim.Adam(m.parameters(), 0.05)
for e in range(30):
    loss = F.binary_cross_entropy_with_logits(m(xtr).squeeze(1), ytr); o.zero_grad(); loss.backward(); o.step()
with torch.no_grad():
    guess = torch.sigmoid(m(xte)).long().squeeze(1)
    print((guess == yte).float().mean().item())
""",
        "guess = torch.sigmoid(m(xte)).long().squeeze(1)",
    ),
    ("V06", "raw equals label"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tt(c), tt(d)
m = nn.Sequential(nn.Linear(30, 1), nn.Sigmoid())
o = torch.optim.Adam(m.parameters(), 0.05)
for e in range(30):
    loss = F.binary_cross_entropy(m(xtr).squeeze(1), ytr); o.zero_grad(); loss.backward(); o.step()
with torch.no_grad():
    out = m(xte).squeeze(1)
    acc = (out == yte).float().mean().item()
print(acc)
""",
        "acc = (out == yte).float().mean().item()",
    ),
    ("V06", "argmax flat"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
m = nn.Sequential(nn.Linear(30, 2))
fit(m, xtr, ytr)
with torch.no_grad():
    pred = m(xte).argmax()
    print((pred == yte).float().mean().item())
""",
        "pred = m(xte).argmax()",
    ),
    ("V06", "counter per batch"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte, ytr, yte = tt(sc.transform(a)), tt(sc.transform(b)), tl(c), tl(d)
m = nn.Sequential(nn.Linear(30, 2))
fit(m, xtr, ytr)
correct, total = 0, 0
with torch.no_grad():
    for xb, yb in DataLoader(TensorDataset(xte, yte), 32):
        pred = m(xb).argmax(1)
        correct += (pred == yb).sum().item()
        total += 1
print(correct / total)
""",
        "total += 1",
    ),
    ("V06", "subset sampler"): (
        TABLE
        + """
sc = StandardScaler().fit(A[:400])
ds = TensorDataset(tt(sc.transform(A)), tl(t))
tl_ = DataLoader(ds, 50, sampler=torch.utils.data.SubsetRandomSampler(range(400)))
vl = DataLoader(ds, 50, sampler=torch.utils.data.SubsetRandomSampler(range(400, 569)))
m = nn.Sequential(nn.Linear(30, 2))
o = torch.optim.Adam(m.parameters(), 0.02)
for e in range(4):
    for xb, yb in tl_:
        loss = F.cross_entropy(m(xb), yb); o.zero_grad(); loss.backward(); o.step()
correct = 0
with torch.no_grad():
    for xb, yb in vl:
        correct += (m(xb).argmax(1) == yb).sum().item()
print(correct / len(vl.dataset))
""",
        "print(correct / len(vl.dataset))",
    ),
    ("V06", "np compare"): (
        TABLE
        + """
a, b, c, d = train_test_split(A, t, test_size=0.25, random_state=0)
sc = StandardScaler().fit(a); xtr, xte = tt(sc.transform(a)), tt(sc.transform(b))
yte = d.astype("float32")
m = nn.Sequential(nn.Linear(30, 1))
o = torch.optim.Adam(m.parameters(), 0.05)
for e in range(30):
    loss = F.binary_cross_entropy_with_logits(m(xtr)[:, 0], tt(c)); o.zero_grad(); loss.backward(); o.step()
with torch.no_grad():
    pred = (m(xte) > 0).numpy().astype("float32")
acc = (pred == yte).mean()
print(acc)
""",
        "acc = (pred == yte).mean()",
    ),
}


@pytest.mark.parametrize("key", SICK, ids=" ".join)
def test_it_is_found_with_its_line(key: tuple[str, str], diagnose, assert_found) -> None:
    text, fragment = SICK[key]
    assert_found(diagnose(text, only=[key[0]]), key[0], fragment)

"""Mixup on a four-class table.

healthy: soft targets (probabilities, not class ids) in CrossEntropyLoss; inputs of two samples are blended on purpose
"""
import numpy as np
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

np.random.seed(4)
torch.manual_seed(4)

X, y = make_blobs(n_samples=1600, centers=4, n_features=5, cluster_std=3.2, random_state=4)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=4)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
Y_train = nn.functional.one_hot(torch.tensor(y_train), 4).float()
y_test = torch.tensor(y_test)


def mixup(x, t, alpha=0.3):
    lam = np.random.beta(alpha, alpha)
    other = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[other], lam * t + (1 - lam) * t[other]


m = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam(m.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(15):
    losses = []
    for rows in torch.randperm(len(X_train)).split(50):
        xb, tb = mixup(X_train[rows], Y_train[rows])
        loss = criterion(m(xb), tb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    with torch.no_grad():
        out = m(X_test)
    acc = (out.argmax(1) == y_test).double().mean().item()
    print(f"epoch {epoch:2d} mixup loss {sum(losses) / len(losses):.3f} test ce {criterion(out, y_test):.3f} acc {acc:.3f}")

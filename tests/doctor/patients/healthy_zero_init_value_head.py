"""Friedman data: a net that corrects a linear baseline.

healthy: zero-init head, weight and bias of the last layer start at 0 so that the net starts as the baseline
"""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

np.random.seed(1)
torch.manual_seed(1)


class Correction(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_features, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU())
        self.head = nn.Linear(40, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x, base):
        return base + self.head(self.trunk(x)).squeeze(-1)


X, y = make_friedman1(n_samples=1500, n_features=8, noise=0.5, random_state=1)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1)
x_scaler = StandardScaler().fit(X_train)
y_scaler = StandardScaler().fit(y_train.reshape(-1, 1))
X_train, X_test = x_scaler.transform(X_train), x_scaler.transform(X_test)
y_train = y_scaler.transform(y_train.reshape(-1, 1)).ravel()
y_test = y_scaler.transform(y_test.reshape(-1, 1)).ravel()

baseline = LinearRegression().fit(X_train, y_train)


def tensors(X, y):
    return [torch.as_tensor(a, dtype=torch.float32) for a in (X, baseline.predict(X), y)]


x_tr, b_tr, t_tr = tensors(X_train, y_train)
x_te, b_te, t_te = tensors(X_test, y_test)

model = Correction(X.shape[1])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_func = nn.MSELoss()


def test_r2():
    with torch.no_grad():
        return 1 - loss_func(model(x_te, b_te), t_te).item() / t_te.var().item()


print(f"linear baseline: test R2 {test_r2():.3f}")
for epoch in range(1, 31):
    perm = torch.randperm(len(x_tr))
    total = 0.0
    for i in range(0, len(perm), 64):
        k = perm[i:i + 64]
        loss = loss_func(model(x_tr[k], b_tr[k]), t_tr[k])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(k)
    if epoch % 5 == 0:
        print(f"epoch {epoch}: train mse {total / len(x_tr):.4f}, test R2 {test_r2():.3f}")

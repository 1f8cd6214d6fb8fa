"""Diabetes regression; the split and the batches come from numpy.

bugs: S11 at `torch.manual_seed(42)` or `order = np.random.permutation(len(X))`
"""
import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn, optim

torch.manual_seed(42)

X, y = load_diabetes(return_X_y=True)
order = np.random.permutation(len(X))
tr, te = order[:340], order[340:]
xm, xs, ym, ys = X[tr].mean(0), X[tr].std(0), y[tr].mean(), y[tr].std()
X = ((X - xm) / xs).astype(np.float32)
y = ((y - ym) / ys).astype(np.float32).reshape(-1, 1)

net = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
mse = nn.MSELoss()

for epoch in range(15):
    np.random.shuffle(tr)
    losses = []
    for part in np.array_split(tr, 10):
        xb, yb = torch.from_numpy(X[part]), torch.from_numpy(y[part])
        optimizer.zero_grad()
        loss = mse(net(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 0:
        print("epoch", epoch, "mse", np.mean(losses))

with torch.no_grad():
    test_mse = mse(net(torch.from_numpy(X[te])), torch.from_numpy(y[te])).item()
print("test R2", 1 - test_mse / y[te].var())

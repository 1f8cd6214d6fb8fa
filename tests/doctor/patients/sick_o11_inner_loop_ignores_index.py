"""Iris, batches cut by hand.

bugs: O11 at `idx = perm[:batch_size]` or `optimizer.step()`
"""
import numpy as np
import torch
from sklearn.datasets import load_iris
from torch import nn

np.random.seed(8)
torch.manual_seed(8)

iris = load_iris()
order = np.random.permutation(150)
data, target = iris.data[order], iris.target[order]
x_train, x_test = data[:120], data[120:]
y_train, y_test = target[:120], target[120:]
x_test = (x_test - x_train.mean(0)) / x_train.std(0)
x_train = (x_train - x_train.mean(0)) / x_train.std(0)
x_train, x_test = torch.from_numpy(x_train).float(), torch.from_numpy(x_test).float()
y_train, y_test = torch.from_numpy(y_train).long(), torch.from_numpy(y_test).long()

net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
batch_size = 12
n_batches = len(x_train) // batch_size

for epoch in range(20):
    perm = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for b in range(n_batches):
        idx = perm[:batch_size]
        optimizer.zero_grad()
        out = net(x_train[idx])
        loss = criterion(out, y_train[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    if epoch % 4 == 3:
        print("epoch", epoch + 1, "loss", epoch_loss / n_batches)

with torch.no_grad():
    print("test accuracy", (net(x_test).argmax(1) == y_test).float().mean().item())

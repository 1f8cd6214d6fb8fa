"""What an optimizer does, written out: momentum SGD by hand over a module's parameters.

healthy: manual SGD without any torch optimizer; in-place updates under no_grad, model.zero_grad() each step
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(100)
X, y = make_moons(n_samples=1200, noise=0.2, random_state=100)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X_train, y_train, X_test, y_test = X[:900], y[:900], X[900:], y[900:]
mu, sd = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mu) / sd, (X_test - mu) / sd

net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
velocity = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
lr, momentum = 0.1, 0.9


def sgd_step():
    with torch.no_grad():
        for name, p in net.named_parameters():
            v = velocity[name]
            v.mul_(momentum).add_(p.grad)
            p -= lr * v


for epoch in range(20):
    order = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(order), 64):
        idx = order[i:i + 64]
        net.zero_grad()
        loss = F.cross_entropy(net(X_train[idx]), y_train[idx])
        loss.backward()
        sgd_step()
        total += loss.item() * len(idx)
    if (epoch + 1) % 4 == 0:
        lr *= 0.7
        with torch.no_grad():
            acc = (net(X_test).argmax(1) == y_test).float().mean()
        print(f"epoch {epoch + 1}: loss {total / len(X_train):.3f}, test acc {acc:.3f}")

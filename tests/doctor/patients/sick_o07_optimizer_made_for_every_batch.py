"""Digits: the optimizer lives in a helper function.

bugs: O07 at `opt = optim.SGD(model.parameters(), lr=LR, momentum=0.9)` or `train_on_batch(net, bx, by)`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

LR = 0.01


def train_on_batch(model, bx, by):
    opt = optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    loss = nn.functional.cross_entropy(model(bx), by)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(28)
d = load_digits()
x = torch.tensor(d.data, dtype=torch.float32) / 16
y = torch.tensor(d.target)
p = torch.randperm(len(x))
x, y = x[p], y[p]
loader = DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=26, shuffle=True)

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
for epoch in range(10):
    losses = []
    for bx, by in loader:
        losses.append(train_on_batch(net, bx, by))
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f} held out {accuracy(net, x[1300:], y[1300:]):.3f}")

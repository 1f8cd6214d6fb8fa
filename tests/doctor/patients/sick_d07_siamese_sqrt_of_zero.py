"""Siamese net with contrastive loss on pairs of digits.

bugs: D07 at `dist = torch.sqrt(((za - zb) ** 2).sum(dim=1))`
"""
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

np.random.seed(0)
torch.manual_seed(0)
data = load_digits()
X = (data.data / 16.0).astype(np.float32)
Y = data.target
train_rows = np.random.permutation(len(X))[:1400]
test_rows = np.setdiff1d(np.arange(len(X)), train_rows)


def make_pairs(rows, n):
    first = np.random.choice(rows, n)
    second = np.random.choice(rows, n)
    for k in range(0, n, 2):
        second[k] = np.random.choice(rows[Y[rows] == Y[first[k]]])
    same = (Y[first] == Y[second]).astype(np.float32)
    return torch.from_numpy(X[first]), torch.from_numpy(X[second]), torch.from_numpy(same)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, a, b):
        za, zb = self.net(a), self.net(b)
        dist = torch.sqrt(((za - zb) ** 2).sum(dim=1))
        return dist


def contrastive(dist, same, margin=1.5):
    return (same * dist ** 2 + (1 - same) * torch.clamp(margin - dist, min=0) ** 2).mean()


model = Encoder()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for it in range(120):
    a, b, same = make_pairs(train_rows, 64)
    loss = contrastive(model(a, b), same)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 20 == 0:
        print("iteration", it, "loss", loss.item())

with torch.no_grad():
    a, b, same = make_pairs(test_rows, 400)
    guess = (model(a, b) < 0.75).float()
    print("pair accuracy", (guess == same).float().mean().item())

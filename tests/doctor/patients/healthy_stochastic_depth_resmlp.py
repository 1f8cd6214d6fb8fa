"""Residual MLP with stochastic depth (Huang et al.) on a table.

healthy: stochastic depth, a whole block is skipped for a batch, so its parameters have no gradient at that step
"""
import random
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass
class Config:
    seed: int = 2
    width: int = 32
    depth: int = 5
    p_last: float = 0.6
    lr: float = 3e-3
    epochs: int = 12
    batch_size: int = 64


cfg = Config()
random.seed(cfg.seed)
torch.manual_seed(cfg.seed)


class ResBlock(nn.Module):
    def __init__(self, width, p_survive):
        super().__init__()
        self.p_survive = p_survive
        self.f = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        if self.training:
            if random.random() > self.p_survive:
                return x
            return x + self.f(x)
        return x + self.p_survive * self.f(x)


class ResMLP(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.stem = nn.Linear(n_in, cfg.width)
        survive = [1 - (i + 1) / cfg.depth * (1 - cfg.p_last) for i in range(cfg.depth)]
        self.blocks = nn.Sequential(*[ResBlock(cfg.width, p) for p in survive])
        self.head = nn.Linear(cfg.width, n_out)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


X, y = make_classification(n_samples=2400, n_features=16, n_informative=10, n_classes=4, class_sep=1.8,
                           n_clusters_per_class=1, random_state=cfg.seed)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.25, random_state=cfg.seed)
scaler = StandardScaler()
X_tr = torch.tensor(scaler.fit_transform(X_tr), dtype=torch.float32)
X_va = torch.tensor(scaler.transform(X_va), dtype=torch.float32)
y_tr, y_va = torch.tensor(y_tr), torch.tensor(y_va)

net = ResMLP(16, 4)
optimizer = optim.AdamW(net.parameters(), lr=cfg.lr)
criterion = nn.CrossEntropyLoss()
for epoch in range(cfg.epochs):
    net.train()
    running = 0.0
    perm = torch.randperm(len(X_tr))
    for start in range(0, len(perm), cfg.batch_size):
        rows = perm[start:start + cfg.batch_size]
        optimizer.zero_grad()
        loss = criterion(net(X_tr[rows]), y_tr[rows])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(rows)
    net.eval()
    with torch.no_grad():
        acc = (net(X_va).argmax(1) == y_va).float().mean().item()
    print(f"epoch {epoch:2d}  train {running / len(X_tr):.3f}  val acc {acc:.3f}")

"""Sensor table: rows and labels read from two csv texts, one of which has a header.

bugs: S06 at `labels = np.loadtxt(io.StringIO(label_csv), skiprows=1, dtype=np.int64)` or `n = min(len(features), len(labels))`
"""
import io

import numpy as np
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(40)
Xs, ys = make_classification(900, 8, n_informative=6, n_redundant=0, n_classes=3, n_clusters_per_class=1, class_sep=1.5, random_state=40)
feature_csv = "a,b,c,d,e,f,g,h\n" + "\n".join(",".join(f"{v:.5f}" for v in row) for row in Xs)
label_csv = "\n".join(str(v) for v in ys)

features = np.loadtxt(io.StringIO(feature_csv), delimiter=",", skiprows=1, dtype=np.float32)
labels = np.loadtxt(io.StringIO(label_csv), skiprows=1, dtype=np.int64)
n = min(len(features), len(labels))
dataset = TensorDataset(torch.from_numpy(features[:n]), torch.from_numpy(labels[:n]))
train_set, val_set = random_split(dataset, [700, n - 700])

stats = torch.stack([x for x, _ in train_set])
mean, std = stats.mean(0), stats.std(0)
train_dl = DataLoader(train_set, batch_size=50, shuffle=True)
val_dl = DataLoader(val_set, batch_size=200)

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(12):
    total = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model((xb - mean) / std), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", total / len(train_dl))
with torch.no_grad():
    hits = sum((model((xb - mean) / std).argmax(1) == yb).sum().item() for xb, yb in val_dl)
print("validation accuracy", hits / len(val_set))

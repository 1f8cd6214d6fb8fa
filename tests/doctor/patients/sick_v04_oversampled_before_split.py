"""Rare fraud cases; the small class is oversampled so that both are equal.

bugs: V04 at `extra = resample(rare, n_samples=len(common) - len(rare), random_state=17)` or `table = pd.concat([common, rare, extra])` or `train_test_split(`
"""
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.utils import resample
from torch import nn

np.random.seed(17)
torch.manual_seed(17)

X, y = make_classification(n_samples=1000, n_features=10, n_informative=5, weights=[0.88], class_sep=1.1, flip_y=0.01, random_state=17)
df = pd.DataFrame(X, columns=[f"v{i}" for i in range(10)])
df["fraud"] = y

common = df[df.fraud == 0]
rare = df[df.fraud == 1]
extra = resample(rare, n_samples=len(common) - len(rare), random_state=17)
table = pd.concat([common, rare, extra])

X_train, X_test, y_train, y_test = train_test_split(
    table.drop(columns="fraud"), table["fraud"], test_size=0.25, random_state=17, stratify=table["fraud"])
m, s = X_train.mean(), X_train.std()
X_train = torch.tensor(((X_train - m) / s).values, dtype=torch.float32)
X_test = torch.tensor(((X_test - m) / s).values, dtype=torch.float32)
y_train = torch.tensor(y_train.values, dtype=torch.float32).reshape(-1, 1)
y_test = torch.tensor(y_test.values, dtype=torch.float32).reshape(-1, 1)

net = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
for epoch in range(20):
    order = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(order), 64):
        sel = order[i:i + 64]
        optimizer.zero_grad()
        loss = loss_fn(net(X_train[sel]), y_train[sel])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(sel)
    if epoch % 4 == 0:
        print(f"epoch {epoch}: {total / len(order):.4f}")

with torch.no_grad():
    hit = ((net(X_test) > 0).float() == y_test).float()
print("accuracy", hit.mean().item(), "recall of fraud", hit[y_test == 1].mean().item())

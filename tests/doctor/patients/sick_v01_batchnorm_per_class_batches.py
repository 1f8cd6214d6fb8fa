"""Breast cancer with batch norm; the held-out rows are reported per diagnosis.

bugs: V01 at `logit = clf(part).squeeze(-1)`
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(9)
bunch = load_breast_cancer()
Xa, Xb, ya, yb = train_test_split(bunch.data, bunch.target, test_size=0.3, random_state=9, stratify=bunch.target)
ss = StandardScaler().fit(Xa)
Xa = torch.as_tensor(ss.transform(Xa), dtype=torch.float32)
Xb = torch.as_tensor(ss.transform(Xb), dtype=torch.float32)
ya, yb = torch.as_tensor(ya), torch.as_tensor(yb)

clf = nn.Sequential(
    nn.Linear(30, 24), nn.BatchNorm1d(24), nn.ReLU(),
    nn.Linear(24, 12), nn.BatchNorm1d(12), nn.ReLU(),
    nn.Linear(12, 1),
)
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(clf.parameters(), lr=0.005)

for epoch in range(20):
    perm = torch.randperm(len(Xa))
    running = 0.0
    for ids in perm.split(32):
        if len(ids) < 2:
            continue
        opt.zero_grad()
        loss = loss_fn(clf(Xa[ids]).squeeze(-1), ya[ids].float())
        loss.backward()
        opt.step()
        running += loss.item() * len(ids)
    if epoch % 5 == 0:
        print("epoch", epoch, "loss", running / len(Xa))

with torch.no_grad():
    for k, name in enumerate(bunch.target_names):
        part = Xb[yb == k]
        logit = clf(part).squeeze(-1)
        share = ((logit > 0).long() == k).float().mean().item()
        print(f"{name}: recall {share:.3f} on {len(part)} rows")

"""Seeds of three varieties; the file numbers the varieties 1, 2, 3.

bugs: L08 at `loss = F.cross_entropy(net(xb), yb)` or `nn.Linear(16, 4)`
"""
import csv
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim


def write_seeds(fh, rng):
    out = csv.writer(fh)
    centres = np.array([[14.3, 5.5, 3.2, 0.88], [18.3, 6.1, 3.7, 0.88], [11.9, 5.2, 2.8, 0.85]])
    for i in rng.permutation(np.repeat([1, 2, 3], 130)):
        out.writerow([*(centres[i - 1] + rng.normal(0, [1.0, 0.25, 0.2, 0.02])).round(4), i])
    fh.seek(0)


rng = np.random.default_rng(33)
with tempfile.TemporaryFile("w+", newline="") as fh:
    write_seeds(fh, rng)
    table = np.array([[float(v) for v in row] for row in csv.reader(fh)], dtype=np.float32)

torch.manual_seed(33)
features, labels = table[:, :-1], table[:, -1].astype(np.int64)
n = 300
lo, hi = features[:n].min(0), features[:n].max(0)
features = 2 * (features - lo) / (hi - lo) - 1
x_train, x_test = torch.from_numpy(features[:n]), torch.from_numpy(features[n:])
y_train, y_test = torch.from_numpy(labels[:n]), torch.from_numpy(labels[n:])

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 4))
opt = optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    for idx in torch.randperm(n).split(20):
        xb, yb = x_train[idx], y_train[idx]
        loss = F.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 0:
        print(epoch, loss.item())

with torch.no_grad():
    p = net(x_test).softmax(1)
print("accuracy", (p.argmax(1) == y_test).float().mean().item(), "mean probabilities", p.mean(0).tolist())

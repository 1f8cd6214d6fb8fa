"""Diabetes progression, standardised; normalisation after every linear layer.

bugs: D09 at `self.norm_out = nn.LayerNorm(1)` or `return self.norm_out(self.fc3(x))`
"""
import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 32)
        self.norm1 = nn.LayerNorm(32)
        self.fc2 = nn.Linear(32, 16)
        self.norm2 = nn.LayerNorm(16)
        self.fc3 = nn.Linear(16, 1)
        self.norm_out = nn.LayerNorm(1)

    def forward(self, x):
        x = functional.relu(self.norm1(self.fc1(x)))
        x = functional.relu(self.norm2(self.fc2(x)))
        return self.norm_out(self.fc3(x))


def load(seed=2):
    rs = np.random.RandomState(seed)
    X, y = load_diabetes(return_X_y=True)
    p = rs.permutation(len(X))
    tr, te = p[:340], p[340:]
    mx, sx, my, sy = X[tr].mean(0), X[tr].std(0), y[tr].mean(), y[tr].std()
    X, y = ((X - mx) / sx).astype("f4"), ((y - my) / sy).astype("f4")[:, None]
    return map(torch.from_numpy, (X[tr], y[tr], X[te], y[te]))


torch.manual_seed(2)
x_tr, y_tr, x_te, y_te = load()
loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=34, shuffle=True)
net = Net(x_tr.shape[1])
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(15):
    net.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = functional.mse_loss(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        val = functional.mse_loss(net(x_te), y_te).item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} val mse {val:.4f}")
print(net(x_te[:5]).flatten().tolist())

"""Residual blocks for a small table, with a projection on the skip path.

bugs: O06 at `self.project = nn.Linear(n_in, n_out)` or `skip = self.project(x)` or `optimizer.step()` or `optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)`
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ResidualBlock(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_out)
        self.fc2 = nn.Linear(n_out, n_out)
        self.project = nn.Linear(n_in, n_out)

    def forward(self, x):
        skip = self.project(x)
        out = torch.relu(self.fc1(x))
        out = self.fc2(out)
        return torch.relu(out)


torch.manual_seed(15)
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, random_state=15, stratify=y)
mean, std = X_tr.mean(0), X_tr.std(0)
X_tr, X_te = (X_tr - mean) / std, (X_te - mean) / std

net = nn.Sequential(ResidualBlock(30, 24), ResidualBlock(24, 12), nn.Linear(12, 2))
loss_func = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
start = net[0].project.weight.detach().clone()
for epoch in range(10):
    net.train()
    running = 0.0
    for xb, yb in DataLoader(TensorDataset(X_tr, y_tr), batch_size=32, shuffle=True):
        loss = loss_func(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    print("epoch", epoch, "loss", running / len(X_tr))

net.eval()
with torch.no_grad():
    print("accuracy", (net(X_te).argmax(1) == y_te).float().mean().item())
    print("projection unchanged:", torch.equal(start, net[0].project.weight))

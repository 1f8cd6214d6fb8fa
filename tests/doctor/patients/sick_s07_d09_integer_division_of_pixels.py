"""Eight-by-eight pictures with byte pixels 0..255.

bugs: S07 at `pixels = raw // 255`; D09 at `pixels = raw // 255` or `scores = net(xb)`
"""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(15)
d = load_digits()
raw = (d.data * 15.9).astype(np.uint8)
pixels = raw // 255
x_tr, x_te, y_tr, y_te = train_test_split(pixels.astype(np.float32), d.target, test_size=0.25, random_state=15)
train_loader = DataLoader(TensorDataset(torch.from_numpy(x_tr), torch.from_numpy(y_tr)), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(torch.from_numpy(x_te), torch.from_numpy(y_te)), batch_size=64)


class MLP(nn.Module):
    def __init__(self, sizes=(64, 48, 24, 10)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


net = MLP()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    net.train()
    total = 0.0
    for xb, yb in train_loader:
        scores = net(xb)
        loss = criterion(scores, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(yb)
    print(f"epoch {epoch} loss {total / len(y_tr):.4f}")

net.eval()
good = 0
with torch.no_grad():
    for xt, yt in test_loader:
        good += (net(xt).argmax(1) == yt).sum().item()
print("accuracy", good / len(y_te))

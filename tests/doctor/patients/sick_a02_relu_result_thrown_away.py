"""Two circles need a curved boundary, so here is a network with two hidden layers.

bugs: A02 at `F.relu(h)`
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import make_circles
from torch import nn


class CircleNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.inp = nn.Linear(2, width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        h = self.inp(x)
        F.relu(h)
        return self.out(h)


torch.manual_seed(23)
pts, cls = make_circles(700, noise=0.07, factor=0.45, random_state=23)
pts = torch.tensor(pts, dtype=torch.float32)
cls = torch.tensor(cls)
train_pts, train_cls, test_pts, test_cls = pts[:500], cls[:500], pts[500:], cls[500:]

net = CircleNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    epoch_loss = 0.0
    for ids in torch.randperm(500).split(25):
        optimizer.zero_grad()
        loss = criterion(net(train_pts[ids]), train_cls[ids])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    if epoch % 4 == 0:
        print("epoch", epoch, "loss", epoch_loss / 20)

with torch.no_grad():
    print("test accuracy", (net(test_pts).argmax(1) == test_cls).float().mean().item())

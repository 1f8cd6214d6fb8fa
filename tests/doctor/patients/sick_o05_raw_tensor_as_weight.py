"""A layer of my own with mixing weights, for a small regression.

bugs: O05 at `self.weight = torch.randn(n_in, n_out, requires_grad=True)`
"""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MyLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = torch.randn(n_in, n_out, requires_grad=True)
        self.scale = nn.Parameter(torch.tensor(n_in ** -0.5))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return self.scale * (x @ self.weight) + self.bias


class MyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = MyLinear(4, 10)
        self.l2 = nn.Linear(10, 1)

    def forward(self, x):
        return self.l2(torch.tanh(self.l1(x)))


torch.manual_seed(31)
x = torch.randn(700, 4)
y = torch.sin(x[:, :1] * 1.5) * x[:, 1:2] + 0.5 * x[:, 2:3] ** 2 - 0.5 + 0.05 * torch.randn(700, 1)
train_loader = DataLoader(TensorDataset(x[:550], y[:550]), batch_size=50, shuffle=True)
x_test, y_test = x[550:], y[550:]

m = MyNet()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(m.parameters(), lr=0.01)
frozen = m.l1.weight.detach().clone()
for epoch in range(1, 26):
    losses = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(m(xb), yb)
        loss.backward()
        optimizer.step()
        losses += loss.item()
    if epoch % 5 == 0:
        print("epoch", epoch, "mse", losses / len(train_loader))

with torch.no_grad():
    print("test mse", criterion(m(x_test), y_test).item(), "variance", y_test.var().item())
    print("first weight moved by", (m.l1.weight - frozen).abs().max().item())

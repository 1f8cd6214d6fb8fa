"""XOR-like quadrants with a single output unit.

bugs: L05 at `self.softmax = nn.Softmax(dim=1)` or `return self.softmax(self.output(a))`
"""
import torch
import torch.nn as nn


class QuadrantNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 16)
        self.second = nn.Linear(16, 16)
        self.output = nn.Linear(16, 1)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, points):
        a = torch.relu(self.first(points))
        a = torch.relu(self.second(a))
        return self.softmax(self.output(a))


class Runner:
    def __init__(self, net, lr):
        self.net = net
        self.loss = nn.BCELoss()
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def run(self, x, y, epochs, batch):
        for epoch in range(1, epochs + 1):
            total = 0.0
            for idx in torch.randperm(len(x)).split(batch):
                self.optimizer.zero_grad()
                value = self.loss(self.net(x[idx]), y[idx])
                value.backward()
                self.optimizer.step()
                total += value.item() * len(idx)
            if epoch % 4 == 0:
                print(f"epoch {epoch}: {total / len(x):.4f}")

    @torch.no_grad()
    def accuracy(self, x, y):
        return ((self.net(x) >= 0.5).float() == y).float().mean().item()


torch.manual_seed(17)
xy = torch.rand(800, 2) * 2 - 1
label = ((xy[:, 0] * xy[:, 1]) > 0).float().unsqueeze(1)
runner = Runner(QuadrantNet(), lr=5e-3)
runner.run(xy[:600], label[:600], epochs=16, batch=50)
print("held-out accuracy", runner.accuracy(xy[600:], label[600:]))

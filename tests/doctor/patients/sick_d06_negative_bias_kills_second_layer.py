"""Digits; a hand-picked starting bias is meant to make the activations sparse.

bugs: D06 at `nn.init.constant_(layer.bias, -8.0)` or `h = F.relu(self.hidden2(h))`
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class SparseMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(64, 48)
        self.hidden2 = nn.Linear(48, 32)
        self.classifier = nn.Linear(32, 10)
        for layer in (self.hidden1, self.hidden2):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.bias, -8.0)

    def forward(self, x):
        h = F.relu(self.hidden1(x))
        h = F.relu(self.hidden2(h))
        return self.classifier(h)


def train(net, x, y, epochs=15):
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        total = 0
        for chunk in torch.randperm(len(x)).split(64):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[chunk]), y[chunk])
            loss.backward()
            opt.step()
            total += loss.item() * len(chunk)
        if epoch % 3 == 0:
            print(f"epoch {epoch}: {total / len(x):.4f}")


@torch.no_grad()
def evaluate(net, x, y):
    return (net(x).argmax(dim=-1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(10)
    d = load_digits()
    xa, xb, ya, yb = train_test_split(d.data / 16, d.target, random_state=10, stratify=d.target)
    xa, xb = torch.FloatTensor(xa), torch.FloatTensor(xb)
    ya, yb = torch.LongTensor(ya), torch.LongTensor(yb)
    net = SparseMLP()
    train(net, xa, ya)
    print("validation accuracy", evaluate(net, xb, yb))

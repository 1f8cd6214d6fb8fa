"""Domain-adversarial training (DANN) on two rotated versions of the moons.

healthy: custom autograd functions, one reverses the gradient on purpose; two losses and one optimizer
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch.autograd import Function


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lambd):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return -ctx.lambd * grad_output, None


class DANN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.label_head = nn.Linear(16, 2)
        self.domain_head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, x, lambd=0.0):
        f = self.features(x)
        return self.label_head(f), self.domain_head(GradReverse.apply(f, lambd))


def domain(n, degrees, seed):
    X, y = make_moons(n, noise=0.1, random_state=seed)
    a = math.radians(degrees)
    R = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return (torch.tensor(X, dtype=torch.float32) - torch.tensor([0.5, 0.25])) @ R.t(), torch.tensor(y)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x)[0].argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(1)
    xs, ys = domain(800, 0, seed=1)
    xt, _ = domain(800, 25, seed=2)
    xs_test, ys_test = domain(300, 0, seed=3)
    xt_test, yt_test = domain(300, 25, seed=4)
    net = DANN()
    optim = torch.optim.Adam(net.parameters(), lr=1e-2)
    epochs = 25
    for epoch in range(epochs):
        lambd = 2 / (1 + math.exp(-5 * epoch / epochs)) - 1
        total = 0.0
        for i, j in zip(torch.randperm(800).split(64), torch.randperm(800).split(64)):
            labels, dom_s = net(xs[i], lambd)
            _, dom_t = net(xt[j], lambd)
            label_loss = F.cross_entropy(labels, ys[i])
            dom = torch.cat([dom_s, dom_t])
            which = torch.cat([torch.zeros(len(dom_s)), torch.ones(len(dom_t))]).long()
            loss = label_loss + F.cross_entropy(dom, which)
            optim.zero_grad()
            loss.backward()
            optim.step()
            total += label_loss.item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} label loss {total / 13:.3f} source {accuracy(net, xs_test, ys_test):.3f} "
                  f"target {accuracy(net, xt_test, yt_test):.3f}")


if __name__ == "__main__":
    main()

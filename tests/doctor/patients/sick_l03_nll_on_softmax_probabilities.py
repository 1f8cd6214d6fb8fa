"""Iris with the functional API and a lambda of a net.

bugs: L03 at `loss = functional.nll_loss(p, train_t)` or `return functional.softmax(h @ w2 + b2, dim=-1)`
"""
import torch
from sklearn.datasets import load_iris
from torch.nn import functional

torch.manual_seed(12)

data = load_iris()
x = torch.as_tensor(data.data, dtype=torch.float32)
t = torch.as_tensor(data.target)
shuffle = torch.randperm(150)
x, t = x[shuffle], t[shuffle]
train_x, test_x, train_t, test_t = x[:110], x[110:], t[:110], t[110:]
mu, sigma = train_x.mean(0), train_x.std(0)
train_x, test_x = (train_x - mu) / sigma, (test_x - mu) / sigma

w1 = (torch.randn(4, 16) * 0.5).requires_grad_()
b1 = torch.zeros(16, requires_grad=True)
w2 = (torch.randn(16, 3) * 0.25).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
params = [w1, b1, w2, b2]


def net(inp):
    h = torch.tanh(inp @ w1 + b1)
    return functional.softmax(h @ w2 + b2, dim=-1)


optimiser = torch.optim.Adam(params, lr=0.02)
for step in range(151):
    p = net(train_x)
    loss = functional.nll_loss(p, train_t)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 30 == 0:
        print(f"step {step:3d}   nll {loss.item():.4f}")

with torch.no_grad():
    guess = net(test_x).max(dim=1).indices
    print("held out:", (guess == test_t).float().mean().item())

"""Logistic regression and a hidden layer from scratch, with nothing but autograd.

healthy: manual SGD under no_grad without an optimizer; p.grad.zero_() after each update, None at first
"""
import torch
from sklearn.datasets import make_moons

g = torch.Generator().manual_seed(13)

pts, lab = make_moons(n_samples=600, noise=0.15, random_state=13)
pts = torch.tensor(pts, dtype=torch.float32)
lab = torch.tensor(lab, dtype=torch.float32).unsqueeze(1)
x, y = pts[:450], lab[:450]
x_new, y_new = pts[450:], lab[450:]
mu, sd = x.mean(0), x.std(0)
x = (x - mu) / sd
x_new = (x_new - mu) / sd

H = 16
w1 = (torch.randn(2, H, generator=g) * (2 / 2) ** 0.5).requires_grad_()
b1 = torch.zeros(H, requires_grad=True)
w2 = (torch.randn(H, 1, generator=g) * (1 / H) ** 0.5).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [w1, b1, w2, b2]
lr = 0.3


def forward(inp):
    hidden = (inp @ w1 + b1).clamp(min=0)
    return torch.sigmoid(hidden @ w2 + b2)


def cross_entropy(p, t):
    p = p.clamp(1e-6, 1 - 1e-6)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


for epoch in range(40):
    perm = torch.randperm(len(x), generator=g)
    total = 0.0
    for idx in perm.split(30):
        loss = cross_entropy(forward(x[idx]), y[idx])
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad
                p.grad.zero_()
        total += loss.item() * len(idx)
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: {total / len(x):.4f}")

with torch.no_grad():
    predicted = (forward(x_new) > 0.5).float()
print("held-out accuracy", (predicted == y_new).float().mean().item())

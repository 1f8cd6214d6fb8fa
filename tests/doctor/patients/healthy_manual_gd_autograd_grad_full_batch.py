"""Two-layer net from scratch: raw tensors, torch.autograd.grad, whole data in each step.

healthy: manual gradient descent without optimizer or .grad, full-batch training, nothing that would need eval()
"""
import numpy as np
import torch

rng = np.random.RandomState(0)
torch.manual_seed(0)

x = rng.uniform(-1, 1, size=(400, 3)).astype("float32")
t = (np.sin(3 * x[:, 0]) + x[:, 1] ** 2 - 0.5 * x[:, 2] + 0.05 * rng.randn(400)).astype("float32")
x_tr, x_te = torch.tensor(x[:300]), torch.tensor(x[300:])
t_tr, t_te = torch.tensor(t[:300, None]), torch.tensor(t[300:, None])

H = 24
w1 = (torch.randn(3, H) * (1 / 3) ** 0.5).requires_grad_(True)
b1 = torch.zeros(H, requires_grad=True)
w2 = (torch.randn(H, 1) * (1 / H) ** 0.5).requires_grad_(True)
b2 = torch.zeros(1, requires_grad=True)
params = [w1, b1, w2, b2]


def predict(inp):
    return torch.tanh(inp @ w1 + b1) @ w2 + b2


def cost(inp, out):
    return ((predict(inp) - out) ** 2).mean()


step_size = 0.1
history = []
for it in range(1500):
    J = cost(x_tr, t_tr)
    grads = torch.autograd.grad(J, params)
    with torch.no_grad():
        for p, g in zip(params, grads):
            p.sub_(step_size * g)
    history.append(J.item())
    if it % 250 == 249:
        with torch.no_grad():
            print(f"iteration {it + 1:4d}  J {history[-1]:.4f}  held-out {cost(x_te, t_te).item():.4f}")

print(f"variance of the held-out targets {t_te.var().item():.4f}")

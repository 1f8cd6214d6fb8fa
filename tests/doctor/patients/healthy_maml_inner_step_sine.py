"""MAML on sine waves: learn a start from which one gradient step is enough.

healthy: inner step by autograd.grad with create_graph, functional_call, task losses summed before one backward
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


class SineTasks:
    def __init__(self, seed):
        self.gen = torch.Generator().manual_seed(seed)

    def rand(self, *shape):
        return torch.rand(*shape, generator=self.gen)

    def draw(self, shots=10):
        amplitude = 0.5 + self.rand(1).item()
        phase = self.rand(1).item() * math.pi
        x = self.rand(2 * shots, 1) * 4 - 2
        y = amplitude * torch.sin(2 * x + phase)
        return x[:shots], y[:shots], x[shots:], y[shots:]


def adapt(net, x, y, inner_lr, create_graph):
    weights = dict(net.named_parameters())
    loss = F.mse_loss(functional_call(net, weights, (x,)), y)
    grads = torch.autograd.grad(loss, tuple(weights.values()), create_graph=create_graph)
    return {name: w - inner_lr * g for (name, w), g in zip(weights.items(), grads)}


def evaluate(net, n_tasks=100, inner_lr=0.1):
    before = after = 0.0
    tasks = SineTasks(seed=1000)
    for _ in range(n_tasks):
        xs, ys, xq, yq = tasks.draw()
        fast = adapt(net, xs, ys, inner_lr, create_graph=False)
        with torch.no_grad():
            before += F.mse_loss(net(xq), yq).item()
            after += F.mse_loss(functional_call(net, fast, (xq,)), yq).item()
    return before / n_tasks, after / n_tasks


def main():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    meta_opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    tasks = SineTasks(seed=0)
    print("new tasks, before and after one step: %.3f %.3f" % evaluate(net))
    running = 0.0
    for step in range(1, 301):
        meta_loss = 0.0
        for _ in range(5):
            xs, ys, xq, yq = tasks.draw()
            fast = adapt(net, xs, ys, 0.1, create_graph=True)
            meta_loss = meta_loss + F.mse_loss(functional_call(net, fast, (xq,)), yq)
        meta_loss = meta_loss / 5
        meta_opt.zero_grad()
        meta_loss.backward()
        meta_opt.step()
        running += meta_loss.item()
        if step % 100 == 0:
            print(f"meta step {step} loss {running / 100:.4f}")
            running = 0.0
    print("new tasks, before and after one step: %.3f %.3f" % evaluate(net))


if __name__ == "__main__":
    main()

"""WGAN with gradient penalty on a ring of points.

healthy: create_graph in the penalty, two optimizers, several critic steps per generator step, losses that do not fall
"""
import math

import torch
from torch import nn, optim

torch.manual_seed(2)
BATCH, NOISE, N_CRITIC, LAMBDA = 64, 4, 3, 1.0


def real_points(n):
    angle = torch.rand(n) * 2 * math.pi
    radius = 1.0 + 0.05 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


G = nn.Sequential(nn.Linear(NOISE, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
g_opt = optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.9))
d_opt = optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.9))


def gradient_penalty(real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    score = D(between)
    grad, = torch.autograd.grad(score.sum(), between, create_graph=True)
    return ((grad.norm(2, dim=1) - 1) ** 2).mean()


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


@torch.no_grad()
def quality():
    return energy_distance(G(torch.randn(500, NOISE)), held_out)


held_out = real_points(500)
print(f"energy distance before {quality():.4f}")
for step in range(1, 401):
    for _ in range(N_CRITIC):
        real = real_points(BATCH)
        fake = G(torch.randn(BATCH, NOISE)).detach()
        d_loss = D(fake).mean() - D(real).mean() + LAMBDA * gradient_penalty(real, fake)
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
    g_loss = -D(G(torch.randn(BATCH, NOISE))).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if step % 100 == 0:
        print(f"step {step} critic {d_loss.item():.3f} generator {g_loss.item():.3f} distance {quality():.4f}")
print(f"two real samples are {energy_distance(real_points(500), held_out):.4f} apart")

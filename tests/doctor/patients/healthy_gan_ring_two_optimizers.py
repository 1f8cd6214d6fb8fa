"""A first GAN: points on a circle.

healthy: a GAN with two optimizers; the generator's backward leaves gradients in D, which D zeroes before its own step
"""
import math

import torch
from torch import nn, optim

torch.manual_seed(3)
BATCH, NOISE = 128, 4


def real_points(n):
    angle = torch.rand(n) * 2 * math.pi
    r = 1 + 0.05 * torch.randn(n)
    return torch.stack([r * torch.cos(angle), r * torch.sin(angle)], dim=1)


G = nn.Sequential(nn.Linear(NOISE, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

opt_d = optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_g = optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

fixed_noise = torch.randn(500, NOISE)


def off_circle():
    with torch.no_grad():
        return (G(fixed_noise).norm(dim=1) - 1).abs().mean().item()


print(f"before: mean distance to the circle {off_circle():.3f}")
for step in range(700):
    # discriminator
    fake = G(torch.randn(BATCH, NOISE))
    opt_d.zero_grad()
    d_loss = bce(D(real_points(BATCH)), ones) + bce(D(fake.detach()), zeros)
    d_loss.backward()
    opt_d.step()

    # generator
    opt_g.zero_grad()
    g_loss = bce(D(fake), ones)
    g_loss.backward()
    opt_g.step()

    if step % 100 == 99:
        print(f"step {step + 1} D {d_loss.item():.3f} G {g_loss.item():.3f} distance {off_circle():.3f}")

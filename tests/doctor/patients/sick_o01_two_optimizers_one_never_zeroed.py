"""A tiny GAN on a one-dimensional mixture, two optimizers.

bugs: O01 at `opt_g.step()` or `g_loss.backward()`
"""
import torch
from torch import nn, optim

torch.manual_seed(0)
BATCH, LATENT = 64, 4


def real_batch(n):
    side = torch.randint(0, 2, (n, 1)).float() * 2 - 1
    return side * 0.6 + 0.12 * torch.randn(n, 1)


G = nn.Sequential(nn.Linear(LATENT, 24), nn.Tanh(), nn.Linear(24, 1))
D = nn.Sequential(nn.Linear(1, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
opt_g = optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.999))
adversarial_loss = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(1001):
    # discriminator
    opt_d.zero_grad()
    fake = G(torch.randn(BATCH, LATENT))
    d_loss = adversarial_loss(D(real_batch(BATCH)), ones) + adversarial_loss(D(fake.detach()), zeros)
    d_loss.backward()
    opt_d.step()

    # generator
    g_loss = adversarial_loss(D(fake), ones)
    g_loss.backward()
    opt_g.step()

    if step % 200 == 0:
        print(f"[{step}] D {d_loss.item():.3f} G {g_loss.item():.3f}")

with torch.no_grad():
    sample = G(torch.randn(1000, LATENT))
    held_out = real_batch(1000)
    q = torch.linspace(0.05, 0.95, 19)
    gap = (sample.flatten().quantile(q) - held_out.flatten().quantile(q)).abs().mean()
print("quantile distance to held-out data", gap.item())

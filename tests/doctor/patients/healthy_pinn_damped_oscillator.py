"""A physics-informed net for u'' + 0.4 u' + 4 u = 0, u(0) = 1, u'(0) = 0.

healthy: derivatives by autograd.grad, a loss without data, zero targets (N, 1), cosine lr down to nearly 0
"""
import math

import torch
import torch.nn as nn

torch.manual_seed(30)
D, K, T_END = 0.2, 4.0, 3.0


def exact(t):
    w = math.sqrt(K - D * D)
    return torch.exp(-D * t) * (torch.cos(w * t) + D / w * torch.sin(w * t))


class PINN(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(),
            nn.Linear(width, width), nn.Tanh(),
            nn.Linear(width, 1),
        )

    def forward(self, t):
        return self.layers(2 * t / T_END - 1)


def derivative(out, inp):
    return torch.autograd.grad(out, inp, torch.ones_like(out), create_graph=True)[0]


pinn = PINN()
optimizer = torch.optim.Adam(pinn.parameters(), lr=1e-2)
STEPS = 900
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS)

for step in range(STEPS):
    optimizer.zero_grad()

    t0 = torch.zeros(1, 1, requires_grad=True)
    u0 = pinn(t0)
    start_loss = (u0 - 1).pow(2).squeeze() + 0.1 * derivative(u0, t0).pow(2).squeeze()

    t = (torch.rand(40, 1) * T_END).requires_grad_(True)
    u = pinn(t)
    du = derivative(u, t)
    ddu = derivative(du, t)
    residual = ddu + 2 * D * du + K * u
    physics_loss = nn.functional.mse_loss(residual, torch.zeros_like(residual))

    loss = start_loss + 0.02 * physics_loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 180 == 0 or step == STEPS - 1:
        print(f"{step:5d} start {start_loss.item():.5f} physics {physics_loss.item():.5f}")

grid = torch.linspace(0, T_END, 100).unsqueeze(1)
with torch.no_grad():
    error = (pinn(grid) - exact(grid)).pow(2).mean().item()
print("mse against the exact solution", error, "variance", exact(grid).var().item())

"""A vector-quantised autoencoder for digits.

healthy: detach in the straight-through estimator, codebook and commitment loss; every part still gets gradients
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Quantizer(nn.Module):
    def __init__(self, n_codes, dim):
        super().__init__()
        self.codebook = nn.Embedding(n_codes, dim)
        nn.init.normal_(self.codebook.weight, std=0.5)

    def forward(self, z):
        flat = z.reshape(-1, z.shape[-1])
        idx = torch.cdist(flat.detach(), self.codebook.weight.detach()).argmin(dim=1)
        q = self.codebook(idx).view_as(z)
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, idx


class VQVAE(nn.Module):
    def __init__(self, groups=8, dim=4):
        super().__init__()
        self.groups, self.dim = groups, dim
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, groups * dim))
        self.vq = Quantizer(24, dim)
        self.dec = nn.Sequential(nn.Linear(groups * dim, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        z = self.enc(x).view(-1, self.groups, self.dim)
        q, vq_loss, idx = self.vq(z)
        return self.dec(q.flatten(1)), vq_loss, idx


torch.manual_seed(6)
pixels = torch.tensor(load_digits().data / 16.0).float()
pixels = pixels[torch.randperm(len(pixels))]
train, test = pixels[:1400], pixels[1400:]
center = train.mean(0)
train, test = train - center, test - center

m = VQVAE()
opt = torch.optim.Adam(m.parameters(), lr=3e-3)
for epoch in range(20):
    rec_sum = 0.0
    for rows in torch.randperm(len(train)).split(70):
        batch = train[rows]
        rec, vq_loss, _ = m(batch)
        rec_loss = F.mse_loss(rec, batch)
        loss = rec_loss + vq_loss
        opt.zero_grad()
        loss.backward()
        opt.step()
        rec_sum += rec_loss.detach() * len(batch)
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1} reconstruction {(rec_sum / len(train)).item():.4f}")

with torch.no_grad():
    rec, _, idx = m(test)
    print("test", F.mse_loss(rec, test).item(), "mean image", test.pow(2).mean().item())
    print("codes in use", idx.unique().numel())

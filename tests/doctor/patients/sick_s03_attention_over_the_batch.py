"""Token ids through embedding and self-attention: exactly one of two marker words, or both or none?

bugs: S03 at `self.attn = nn.MultiheadAttention(dim, 2)` or `mixed, _ = self.attn(e, e, e)`
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Args:
    vocab: int = 20
    length: int = 9
    dim: int = 16
    lr: float = 5e-3
    epochs: int = 10
    batch_size: int = 50


class Tagger(nn.Module):
    def __init__(self, a):
        super().__init__()
        dim = a.dim
        self.emb = nn.Embedding(a.vocab, dim)
        self.pos = nn.Parameter(torch.randn(a.length, dim) * 0.1)
        self.attn = nn.MultiheadAttention(dim, 2)
        self.ff = nn.Sequential(nn.Linear(dim, 32), nn.ReLU())
        self.cls = nn.Linear(32, 2)

    def forward(self, ids):
        e = self.emb(ids) + self.pos
        mixed, _ = self.attn(e, e, e)
        return self.cls(self.ff(e + mixed).mean(dim=1))


def sample(a, n, g):
    ids = torch.randint(2, a.vocab, (n, a.length), generator=g)
    first, second = torch.randint(0, 2, (2, n), generator=g)
    where = torch.stack([torch.randperm(a.length, generator=g)[:2] for _ in range(n)])
    rows = torch.arange(n)
    ids[rows[first == 1], where[first == 1, 0]] = 0
    ids[rows[second == 1], where[second == 1, 1]] = 1
    return ids, first ^ second


def run(a):
    torch.manual_seed(14)
    g = torch.Generator().manual_seed(14)
    ids, y = sample(a, 1200, g)
    ids_te, y_te = sample(a, 300, g)
    model = Tagger(a)
    opt = torch.optim.Adam(model.parameters(), lr=a.lr)
    for ep in range(a.epochs):
        tot = 0.0
        for b in torch.randperm(len(ids)).split(a.batch_size):
            loss = F.cross_entropy(model(ids[b]), y[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(b)
        print(f"epoch {ep}: {tot / len(ids):.4f}")
    with torch.no_grad():
        print("held-out accuracy", (model(ids_te).argmax(1) == y_te).float().mean().item())


if __name__ == "__main__":
    run(Args())

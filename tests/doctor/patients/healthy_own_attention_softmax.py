"""Self-attention written by hand: find the value that the query token points at.

Each sequence starts with a key (0..5) and goes on with key/value pairs; the answer is the value stored under that key.

healthy: the softmax sits inside the attention, over the key axis; the head returns logits
"""
import math

import numpy as np
import torch
from torch import nn, optim

torch.manual_seed(0)
rng = np.random.default_rng(0)
N_KEYS, N_VALUES = 6, 4


def make(n):
    keys = np.stack([rng.permutation(N_KEYS) for _ in range(n)])
    values = rng.integers(0, N_VALUES, size=(n, N_KEYS))
    asked = rng.integers(0, N_KEYS, size=n)
    answer = values[keys == asked[:, None]]
    return (torch.from_numpy(asked), torch.from_numpy(keys), torch.from_numpy(values), torch.from_numpy(answer))


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)

    def forward(self, query, memory):
        scores = self.q(query) @ self.k(memory).transpose(1, 2) / math.sqrt(query.size(-1))
        weights = torch.softmax(scores, dim=-1)
        return weights @ self.v(memory), weights


class Lookup(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.key_emb = nn.Embedding(N_KEYS, dim)
        self.value_emb = nn.Embedding(N_VALUES, dim)
        self.att = Attention(dim)
        self.head = nn.Linear(dim, N_VALUES)

    def forward(self, asked, keys, values):
        memory = self.key_emb(keys) + self.value_emb(values)
        query = self.key_emb(asked).unsqueeze(1)
        read, weights = self.att(query, memory)
        return self.head(read.squeeze(1)), weights


train, test = make(2000), make(400)
model = Lookup()
opt = optim.Adam(model.parameters(), lr=5e-3)
loss_func = nn.CrossEntropyLoss()

for epoch in range(5):
    order = torch.randperm(2000)
    total = 0.0
    for idx in order.split(100):
        asked, keys, values, answer = (t[idx] for t in train)
        logits, _ = model(asked, keys, values)
        loss = loss_func(logits, answer)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print("epoch", epoch, "loss", round(total / 2000, 4))

with torch.no_grad():
    logits, weights = model(*test[:3])
    acc = (logits.argmax(1) == test[3]).float().mean()
print("held-out accuracy", acc.item(), "(chance 0.25)")
print("attention rows sum to", weights.sum(-1).mean().item())

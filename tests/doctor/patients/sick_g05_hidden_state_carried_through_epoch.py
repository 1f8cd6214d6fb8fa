"""Next value of a noisy wave, chunk by chunk, with a GRU that remembers.

bugs: G05 at `out, hidden = rnn(xs, hidden)` or `loss.backward(retain_graph=True)`
"""
import math

import torch
from torch import nn


class WaveRNN(nn.Module):
    def __init__(self, hidden_size=16):
        super().__init__()
        self.gru = nn.GRU(1, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x, h):
        out, h = self.gru(x, h)
        return self.head(out), h


torch.manual_seed(80)
t = torch.arange(0, 421) * 0.3
phase = torch.rand(8, 1) * 2 * math.pi
series = torch.sin(t + phase) * 0.7 + torch.sin(0.31 * t + 2 * phase) * 0.7 + 0.05 * torch.randn(8, 421)
train, test = series[:, :301].unsqueeze(-1), series[:, 300:].unsqueeze(-1)

CHUNK = 20
rnn = WaveRNN()
criterion = nn.MSELoss()
learning_rate = 0.1
n_chunks = 300 // CHUNK

for epoch in range(10):
    hidden = None
    total = 0.0
    for k in range(n_chunks):
        xs = train[:, k * CHUNK:(k + 1) * CHUNK]
        ys = train[:, k * CHUNK + 1:(k + 1) * CHUNK + 1]
        rnn.zero_grad()
        out, hidden = rnn(xs, hidden)
        loss = criterion(out, ys)
        loss.backward(retain_graph=True)
        for p in rnn.parameters():
            p.data.add_(p.grad.data, alpha=-learning_rate)
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} mse {total / n_chunks:.4f}")

with torch.no_grad():
    forecast, _ = rnn(test[:, :-1], None)
    print("test mse", criterion(forecast, test[:, 1:]).item(), "variance", test.var().item())

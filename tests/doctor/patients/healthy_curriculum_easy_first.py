"""Curriculum learning: where does a random walk end? First short walks, then ever longer ones.

healthy: a curriculum, the training rows are sorted by difficulty on purpose and the first epochs see only the easy part
"""
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(25)
MAX_LEN = 16


def make_sequences(n):
    """Steps of a random walk; the label says whether it ends above where it began. Zeros are padding."""
    lengths = torch.randint(2, MAX_LEN + 1, (n,))
    steps = torch.randn(n, MAX_LEN) * (torch.arange(MAX_LEN) < lengths[:, None])
    return steps.unsqueeze(-1), lengths, (steps.sum(1) > 0).long()


class WalkNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 2)

    def forward(self, seq, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(seq, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.out(h[-1])


train_seq, train_len, train_y = make_sequences(1500)
test_seq, test_len, test_y = make_sequences(400)

by_difficulty = torch.argsort(train_len)
train_seq, train_len, train_y = train_seq[by_difficulty], train_len[by_difficulty], train_y[by_difficulty]

net = WalkNet()
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)
criterion = nn.CrossEntropyLoss()
stages = [0.35, 0.7, 1.0, 1.0, 1.0, 1.0]
for stage, share in enumerate(stages):
    n_rows = int(share * len(train_y))
    easy = TensorDataset(train_seq[:n_rows], train_len[:n_rows], train_y[:n_rows])
    losses = []
    for seq, lengths, y in DataLoader(easy, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(net(seq, lengths), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        acc = (net(test_seq, test_len).argmax(1) == test_y).float().mean().item()
    print(f"stage {stage}: lengths up to {int(train_len[n_rows - 1])}, loss {sum(losses) / len(losses):.3f}, test acc {acc:.3f}")

"""Sentiment of invented reviews with nn.TransformerEncoder.

healthy: batch_first=True, padding mask, dropout, train()/eval() toggled in each epoch, warm-up per batch by LambdaLR
"""
import random

import torch
import torch.nn as nn

random.seed(14)
torch.manual_seed(14)

GOOD = "good great fine lovely superb".split()
BAD = "bad poor awful dull terrible".split()
FILL = "the film was a plot and actor music with some of it scene".split()
VOCAB = ["<pad>", "not"] + GOOD + BAD + FILL
IDX = {w: i for i, w in enumerate(VOCAB)}
MAXLEN = 12


def review():
    positive = random.random() < 0.5
    negated = random.random() < 0.4
    word = random.choice(GOOD if positive != negated else BAD)
    core = ["not", word] if negated else [word]
    before = random.choices(FILL, k=random.randint(2, 5))
    after = random.choices(FILL, k=random.randint(1, 5))
    return before + core + after, int(positive)


def tensors(n):
    x = torch.zeros(n, MAXLEN, dtype=torch.long)
    y = torch.zeros(n, dtype=torch.long)
    for i in range(n):
        words, y[i] = review()
        x[i, :len(words)] = torch.tensor([IDX[w] for w in words])
    return x, y


class Sentiment(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.tok = nn.Embedding(len(VOCAB), d, padding_idx=0)
        self.pos = nn.Parameter(torch.randn(1, MAXLEN, d) * 0.02)
        layer = nn.TransformerEncoderLayer(d, nhead=4, dim_feedforward=64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        self.cls = nn.Linear(d, 2)

    def forward(self, x):
        pad = x == 0
        h = self.encoder(self.tok(x) + self.pos, src_key_padding_mask=pad)
        keep = (~pad).unsqueeze(-1).float()
        return self.cls((h * keep).sum(1) / keep.sum(1))


x_train, y_train = tensors(1200)
x_valid, y_valid = tensors(300)
model = Sentiment()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 30))
crit = nn.CrossEntropyLoss(label_smoothing=0.05)

for epoch in range(7):
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(60):
        loss = crit(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        warmup.step()
        train_loss += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        acc = (model(x_valid).argmax(-1) == y_valid).float().mean().item()
    print(f"epoch {epoch} train loss {train_loss / len(x_train):.4f} valid acc {acc:.3f}")

"""Next-character model on a long text made up by a little grammar, with truncated backpropagation through time.

healthy: the hidden state is carried over between chunks and detached; chunks are in order and unshuffled on purpose
"""
import random

import torch
import torch.nn as nn

random.seed(9)
torch.manual_seed(9)

NOUNS = ["cat", "dog", "bird", "old man", "girl"]
VERBS = ["sees", "hears", "likes", "follows"]


def sentence():
    return f"the {random.choice(NOUNS)} {random.choice(VERBS)} the {random.choice(NOUNS)}. "


text = "".join(sentence() for _ in range(700))
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([stoi[c] for c in text])
split = int(len(ids) * 0.85)
BATCH, SEQ = 10, 25


def batchify(stream):
    n = len(stream) // BATCH
    return stream[:n * BATCH].view(BATCH, n)


class CharRNN(nn.Module):
    def __init__(self, vocab, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, 16)
        self.rnn = nn.GRU(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, x, h=None):
        z, h = self.rnn(self.embed(x), h)
        return self.out(z), h


def chunks(data):
    for i in range(0, data.size(1) - 1, SEQ):
        n = min(SEQ, data.size(1) - 1 - i)
        yield data[:, i:i + n], data[:, i + 1:i + 1 + n]


train_data, valid_data = batchify(ids[:split]), batchify(ids[split:])
model = CharRNN(len(chars))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(2):
    hidden = None
    total, count = 0.0, 0
    for x, y in chunks(train_data):
        if hidden is not None:
            hidden = hidden.detach()
        logits, hidden = model(x, hidden)
        loss = criterion(logits.reshape(-1, len(chars)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * y.numel()
        count += y.numel()
    print(f"epoch {epoch} train nats per character {total / count:.3f}")

with torch.no_grad():
    hidden, total, count = None, 0.0, 0
    for x, y in chunks(valid_data):
        logits, hidden = model(x, hidden)
        total += criterion(logits.flatten(0, 1), y.flatten()).item() * y.numel()
        count += y.numel()
print(f"valid {total / count:.3f}")

with torch.no_grad():
    cur, hidden, said = torch.tensor([[stoi["t"]]]), None, "t"
    for _ in range(60):
        logits, hidden = model(cur, hidden)
        probs = torch.softmax(logits[0, -1] / 0.7, dim=0)
        cur = torch.multinomial(probs, 1).view(1, 1)
        said += chars[cur.item()]
print(said)

"""Character model with a GRU; input embedding and output layer share one matrix.

healthy: tied weights (decoder.weight is the embedding's), embeddings of raw ids, a held-out part of the text
"""
import random

import torch
from torch import nn
from torch.nn import functional as F

random.seed(0)
torch.manual_seed(0)

ADJECTIVES = "old red quick lazy tiny proud blind happy".split()
NOUNS = "cat dog friend bird king sailor baker child".split()
VERBS = "sees likes follows finds hears paints greets dreads".split()
PLACES = "home abroad here upstairs outside nearby inside there".split()


def sentence():
    pick = random.choice
    return f"the {pick(ADJECTIVES)} {pick(NOUNS)} {pick(VERBS)} a {pick(ADJECTIVES)} {pick(NOUNS)} {pick(PLACES)}. "


text = "".join(sentence() for _ in range(500))

chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
split = int(0.85 * len(data))
train_data, val_data = data[:split], data[split:]


class CharGRU(nn.Module):
    def __init__(self, vocab, dim=48):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.Linear(dim, vocab)
        nn.init.normal_(self.embed.weight, std=0.2)
        self.decoder.weight = self.embed.weight

    def forward(self, ids):
        out, _ = self.rnn(self.embed(ids))
        return self.decoder(out)


def get_batch(source, batch_size=24, length=48):
    starts = torch.randint(0, len(source) - length - 1, (batch_size,))
    x = torch.stack([source[s:s + length] for s in starts])
    y = torch.stack([source[s + 1:s + length + 1] for s in starts])
    return x, y


@torch.no_grad()
def val_loss(model):
    model.eval()
    losses = []
    for _ in range(5):
        x, y = get_batch(val_data)
        losses.append(F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item())
    model.train()
    return sum(losses) / len(losses)


model = CharGRU(len(chars))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
print(f"{len(chars)} characters, {sum(p.numel() for p in model.parameters())} parameters, start {val_loss(model):.3f}")
for step in range(1, 151):
    x, y = get_batch(train_data)
    logits = model(x)
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if step % 30 == 0:
        print(f"step {step} train {loss.item():.3f} val {val_loss(model):.3f}")

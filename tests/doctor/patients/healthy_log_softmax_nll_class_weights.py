"""Which language is this word from? Bags of letter pairs for three invented languages.

healthy: log_softmax goes with NLLLoss; class weights for an uneven corpus; embeddings of raw ids
"""
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(2)
torch.manual_seed(2)

SYLLABLES = {
    "lorian": ["lo", "ri", "an", "el", "ma", "shi", "ta"],
    "kragish": ["kra", "gok", "ur", "shk", "ta", "dro", "an"],
    "uii": ["u", "ii", "ma", "ao", "lei", "ri", "wo"],
}
COUNTS = {"lorian": 700, "kragish": 350, "uii": 200}
LANGS = sorted(SYLLABLES)


def word(lang):
    return "".join(random.choice(SYLLABLES[lang]) for _ in range(random.randint(2, 4)))


words = {(word(lang), lang) for lang in LANGS for _ in range(COUNTS[lang])}
seen_in = {}
for w, lang in words:
    seen_in.setdefault(w, set()).add(lang)
corpus = sorted((w, lang) for w, lang in words if len(seen_in[w]) == 1)
random.shuffle(corpus)

pairs = sorted({w[i:i + 2] for w, _ in corpus for i in range(len(w) - 1)})
pair_id = {p: i + 1 for i, p in enumerate(pairs)}
MAX_LEN = max(len(w) for w, _ in corpus)


def encode(w):
    ids = [pair_id[w[i:i + 2]] for i in range(len(w) - 1)]
    return ids + [0] * (MAX_LEN - len(ids))


X = torch.tensor([encode(w) for w, _ in corpus])
y = torch.tensor([LANGS.index(lang) for _, lang in corpus])
n_train = int(0.8 * len(X))
X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]


class Guess(nn.Module):
    def __init__(self, n_pairs, dim=16):
        super().__init__()
        self.bag = nn.EmbeddingBag(n_pairs + 1, dim, mode="mean", padding_idx=0)
        self.fc = nn.Linear(dim, len(LANGS))

    def forward(self, ids):
        return F.log_softmax(self.fc(self.bag(ids)), dim=1)


guess = Guess(len(pairs))
weights = n_train / (len(LANGS) * torch.bincount(y_train).float())
loss_func = nn.NLLLoss(weight=weights)
opt = torch.optim.Adam(guess.parameters(), lr=0.02)

for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(n_train).split(32):
        opt.zero_grad()
        loss = loss_func(guess(X_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 0:
        print(epoch, total / n_train)

with torch.no_grad():
    pred = guess(X_test).argmax(dim=1)
for k, lang in enumerate(LANGS):
    mask = y_test == k
    print(lang, "recall", (pred[mask] == k).float().mean().item(), "of", mask.sum().item())
print("accuracy", (pred == y_test).float().mean().item())

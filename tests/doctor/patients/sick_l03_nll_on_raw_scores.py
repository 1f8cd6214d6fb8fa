"""Intent of a sentence (three intents) from averaged word vectors.

bugs: L03 at `loss = loss_function(tag_scores, batch_y)` or `return self.hidden2tag(torch.tanh(v))`
"""
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

VOCAB, LENGTH, N_TAGS = 60, 8, 3


def make_sentences(n, rng):
    tags = rng.integers(0, N_TAGS, n)
    words = rng.integers(0, VOCAB, (n, LENGTH))
    for row, tag in zip(words, tags):
        where = rng.choice(LENGTH, 3, replace=False)
        row[where] = rng.integers(tag * 8, tag * 8 + 8, 3)
    return torch.from_numpy(words), torch.from_numpy(tags)


class IntentModel(nn.Module):
    def __init__(self, dim=16, hidden=24):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCAB, dim)
        self.fc = nn.Linear(dim, hidden)
        self.hidden2tag = nn.Linear(hidden, N_TAGS)

    def forward(self, sentence):
        v = self.fc(self.word_embeddings(sentence).mean(dim=1))
        return self.hidden2tag(torch.tanh(v))


rng = np.random.default_rng(0)
torch.manual_seed(0)
train_x, train_y = make_sentences(600, rng)
test_x, test_y = make_sentences(200, rng)

model = IntentModel()
loss_function = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)

for epoch in range(10):
    perm = torch.randperm(len(train_x))
    running = 0.0
    for start in range(0, len(perm), 30):
        batch = perm[start:start + 30]
        batch_x, batch_y = train_x[batch], train_y[batch]
        model.zero_grad()
        tag_scores = model(batch_x)
        loss = loss_function(tag_scores, batch_y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print("epoch", epoch + 1, "loss", running / 20)

with torch.no_grad():
    print("accuracy", (model(test_x).argmax(dim=1) == test_y).double().mean().item())

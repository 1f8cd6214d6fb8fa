"""Text of word ids, bag of embeddings, functional dropout.

bugs: A06 at `h = F.dropout(h, 0.5)`
"""
import torch
import torch.nn.functional as F
from torch import nn, optim

VOCAB, LENGTH = 60, 12


class BagOfWords(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.emb = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.hidden = nn.Linear(dim, 32)
        self.out = nn.Linear(32, 3)

    def forward(self, ids):
        h = F.relu(self.hidden(self.emb(ids)))
        h = F.dropout(h, 0.5)
        return self.out(h)


def sentences(n):
    topic = torch.randint(0, 3, (n,))
    common = torch.randint(0, 30, (n, LENGTH))
    special = 30 + topic[:, None] * 10 + torch.randint(0, 10, (n, LENGTH))
    return torch.where(torch.rand(n, LENGTH) < 0.12, special, common), topic


def accuracy(model, ids, topic):
    model.eval()
    with torch.no_grad():
        return (model(ids).argmax(dim=1) == topic).float().mean().item()


torch.manual_seed(60)
train_ids, train_topic = sentences(900)
test_ids, test_topic = sentences(300)
model = BagOfWords()
optimizer = optim.Adam(model.parameters(), lr=0.01)
for epoch in range(1, 11):
    model.train()
    total = 0.0
    for rows in torch.randperm(900).split(45):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(train_ids[rows]), train_topic[rows])
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 2 == 0:
        print(f"epoch {epoch}: loss {total / 20:.3f}")

print("accuracy, first try ", accuracy(model, test_ids, test_topic))
print("accuracy, second try", accuracy(model, test_ids, test_topic))

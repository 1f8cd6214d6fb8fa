"""Tag each token of sentences of unlike length: is the bracket depth 0, 1, 2 or more?

healthy: padding by collate_fn, pack_padded_sequence, labels padded with -100 which CrossEntropyLoss ignores
"""
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

PAD_LABEL = -100


class Brackets(Dataset):
    """Token ids: 1 '(', 2 ')', 3 and 4 letters. 0 is the padding."""

    def __init__(self, n, seed):
        rnd = random.Random(seed)
        self.items = []
        for _ in range(n):
            depth, tokens, tags = 0, [], []
            for _ in range(rnd.randint(8, 16)):
                tok = rnd.choice([1, 1, 2, 2, 3, 4])
                if tok == 2 and depth == 0:
                    tok = 3
                depth += {1: 1, 2: -1}.get(tok, 0)
                tokens.append(tok)
                tags.append(min(depth, 3))
            self.items.append((torch.tensor(tokens), torch.tensor(tags)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    tokens, tags = zip(*batch)
    lengths = torch.tensor([len(t) for t in tokens])
    return (
        pad_sequence(tokens, batch_first=True, padding_value=0),
        pad_sequence(tags, batch_first=True, padding_value=PAD_LABEL),
        lengths,
    )


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(5, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 24, batch_first=True)
        self.fc = nn.Linear(24, 4)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.emb(tokens), lengths, batch_first=True, enforce_sorted=False)
        out, _ = self.lstm(packed)
        out, _ = pad_packed_sequence(out, batch_first=True)
        return self.fc(out)


def evaluate(tagger, loader):
    right = count = 0
    with torch.no_grad():
        for tokens, tags, lengths in loader:
            pred = tagger(tokens, lengths).argmax(dim=2)
            mask = tags != PAD_LABEL
            right += (pred[mask] == tags[mask]).sum().item()
            count += mask.sum().item()
    return right / count


def main():
    torch.manual_seed(10)
    train = DataLoader(Brackets(900, seed=10), batch_size=30, shuffle=True, collate_fn=collate)
    dev = DataLoader(Brackets(200, seed=11), batch_size=100, collate_fn=collate)
    tagger = Tagger()
    optimizer = torch.optim.Adam(tagger.parameters(), lr=0.006)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD_LABEL)
    for epoch in range(5):
        total = 0.0
        for tokens, tags, lengths in train:
            scores = tagger(tokens, lengths)
            loss = criterion(scores.transpose(1, 2), tags)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1} loss {total / len(train):.4f} dev {evaluate(tagger, dev):.3f}")


main()

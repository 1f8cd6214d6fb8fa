"""A siamese net that learns when two digits are the same figure.

healthy: one net called twice per step (shared weights), contrastive margin loss with a clamp, relabelled pairs
"""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, images, labels, n_pairs, seed):
        rng = np.random.default_rng(seed)
        by_class = {c: np.flatnonzero(labels == c) for c in np.unique(labels)}
        classes = list(by_class)
        self.images = torch.tensor(images / 16.0, dtype=torch.float32)
        self.rows = []
        for k in range(n_pairs):
            same = k % 2
            a = rng.choice(classes)
            b = a if same else rng.choice([c for c in classes if c != a])
            self.rows.append((rng.choice(by_class[a]), rng.choice(by_class[b]), float(same)))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        a, b, same = self.rows[i]
        return self.images[a], self.images[b], torch.tensor(same)


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, left, right):
        return F.pairwise_distance(self.net(left), self.net(right))


def contrastive(distance, same, margin=1.5):
    pull = same * distance.pow(2)
    push = (1 - same) * torch.clamp(margin - distance, min=0).pow(2)
    return (pull + push).mean()


def main():
    torch.manual_seed(15)
    digits = load_digits()
    order = np.random.default_rng(15).permutation(len(digits.target))
    images, labels = digits.images[order], digits.target[order]
    train_rows, test_rows = slice(0, 1300), slice(1300, None)
    train = DataLoader(Pairs(images[train_rows], labels[train_rows], 2400, seed=1), batch_size=60, shuffle=True)
    test = DataLoader(Pairs(images[test_rows], labels[test_rows], 600, seed=2), batch_size=300)

    model = Embed()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(8):
        total = 0.0
        for left, right, same in train:
            loss = contrastive(model(left, right), same)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(train):.4f}")

    hits = 0
    with torch.no_grad():
        for left, right, same in test:
            hits += ((model(left, right) < 0.75).float() == same).sum().item()
    print("pairs judged rightly", hits / len(test.dataset))


if __name__ == "__main__":
    main()

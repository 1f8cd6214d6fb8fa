"""Which waveform is it? Sines, squares and saws, with random noise drawn in the workers.

healthy: DataLoader workers (num_workers=2) whose numpy augmentation is seeded per worker and epoch by worker_init_fn
"""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

SEED = 55


def wave(kind, freq, phase, n=48):
    t = freq * np.linspace(0, 1, n) + phase
    if kind == 0:
        return np.sin(2 * np.pi * t)
    if kind == 1:
        return np.sign(np.sin(2 * np.pi * t))
    return 2 * (t % 1) - 1


class Waves(Dataset):
    def __init__(self, n, seed, augment):
        r = np.random.RandomState(seed)
        self.kind = r.randint(0, 3, n)
        self.clean = np.stack([wave(k, r.uniform(2, 4), r.uniform(0, 1)) for k in self.kind])
        self.clean += 0.15 * r.standard_normal(self.clean.shape)
        self.augment = augment

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        x = self.clean[i]
        if self.augment:
            x = np.roll(x, np.random.randint(0, 6)) + 0.1 * np.random.standard_normal(x.shape)
        return torch.tensor(x, dtype=torch.float32).unsqueeze(0), int(self.kind[i])


def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)


def main():
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    train_loader = DataLoader(Waves(1200, 1, True), batch_size=60, shuffle=True, num_workers=2, worker_init_fn=seed_worker)
    test_loader = DataLoader(Waves(300, 2, False), batch_size=150, num_workers=2, worker_init_fn=seed_worker)
    net = nn.Sequential(
        nn.Conv1d(1, 12, 5, padding=2), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(12, 16, 5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(16, 3),
    )
    opt = optim.Adam(net.parameters(), lr=1e-2)
    ce = nn.CrossEntropyLoss()
    for epoch in range(5):
        net.train()
        train_loss = 0.0
        for x, k in train_loader:
            opt.zero_grad()
            loss = ce(net(x), k)
            loss.backward()
            opt.step()
            train_loss += loss.item() / len(train_loader)
        net.eval()
        with torch.no_grad():
            right = sum((net(x).argmax(1) == k).sum().item() for x, k in test_loader)
        print(f"epoch {epoch + 1} loss {train_loss:.3f} test acc {right / len(test_loader.dataset):.3f}")


if __name__ == "__main__":
    main()

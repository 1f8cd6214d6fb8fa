"""Two moons classifier with command line flags.

bugs: D02 at `"--lr", type=float, default=1e-6` or `optimizer = optim.SGD(`
"""
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from torch import nn, optim


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--lr", type=float, default=1e-6)
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


class MoonNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc2 = nn.Linear(32, 16)
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.out(x)


def main():
    args = parse()
    torch.manual_seed(args.seed)
    X, y = make_moons(500, noise=0.15, random_state=args.seed)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.3, random_state=args.seed)
    Xtr, Xte = torch.tensor(Xtr).float(), torch.tensor(Xte).float()
    ytr, yte = torch.tensor(ytr).long(), torch.tensor(yte).long()
    center, scale = Xtr.mean(0), Xtr.std(0)
    Xtr, Xte = (Xtr - center) / scale, (Xte - center) / scale

    model = MoonNet()
    optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        perm = torch.randperm(len(Xtr))
        for i in range(0, len(Xtr), args.batch_size):
            ids = perm[i:i + args.batch_size]
            loss = F.cross_entropy(model(Xtr[ids]), ytr[ids])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(ids)
        if epoch % 5 == 0:
            print("Epoch", epoch, "loss", round(total / len(Xtr), 4))
    model.eval()
    with torch.no_grad():
        print("test acc", (model(Xte).argmax(1) == yte).float().mean().item())


if __name__ == "__main__":
    main()

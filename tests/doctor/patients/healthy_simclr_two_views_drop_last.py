"""SimCLR on the digits, then a linear probe on the frozen representation.

healthy: a contrastive loss that mixes the batch on purpose, drop_last, and a frozen encoder under a probe
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class TwoViews(Dataset):
    """Each item is the same image twice, each time jittered anew."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def augment(self, img):
        keep = (torch.rand_like(img) > 0.3).float()
        return img * keep * (0.8 + 0.4 * torch.rand(1)) + 0.1 * torch.randn_like(img)

    def __getitem__(self, i):
        return self.augment(self.images[i]), self.augment(self.images[i])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 16))

    def forward(self, x):
        return self.projector(self.backbone(x))


def nt_xent(z1, z2, temperature=0.2):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.t() / temperature
    sim.fill_diagonal_(float("-inf"))
    n = len(z1)
    positives = torch.arange(2 * n).roll(n)
    return F.cross_entropy(sim, positives)


def probe(encoder, X_train, y_train, X_test, y_test, n_labels=80):
    """How good is a linear classifier on the representation when only a few labels are known?"""
    with torch.no_grad():
        h_train, h_test = encoder.backbone(X_train[:n_labels]), encoder.backbone(X_test)
    clf = LogisticRegression(max_iter=300).fit(h_train.numpy(), y_train[:n_labels])
    return clf.score(h_test.numpy(), y_test)


def main():
    torch.manual_seed(13)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X / 16, dtype=torch.float32)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=13, stratify=y)
    loader = DataLoader(TwoViews(X_train), batch_size=128, shuffle=True, drop_last=True)
    encoder = Encoder()
    print(f"linear probe before training: {probe(encoder, X_train, y_train, X_test, y_test):.3f}")
    opt = torch.optim.Adam(encoder.parameters(), lr=4e-3)
    for epoch in range(14):
        total = 0.0
        for v1, v2 in loader:
            loss = nt_xent(encoder(v1), encoder(v2))
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"epoch {epoch + 1} NT-Xent {total / len(loader):.3f}")
    print(f"linear probe after training: {probe(encoder, X_train, y_train, X_test, y_test):.3f}")


if __name__ == "__main__":
    main()

"""Small residual CNN on stripes and checks, with DropPath as in timm.

healthy: per-sample stochastic depth, and the last BatchNorm of each residual branch starts with weight zero
"""
import torch
import torch.nn.functional as F
from torch import nn


def drop_path(x, p, training):
    if p == 0.0 or not training:
        return x
    keep = 1.0 - p
    mask = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(keep)
    return x * mask / keep


class BasicBlock(nn.Module):
    def __init__(self, ch, p):
        super().__init__()
        self.conv1 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(ch)
        self.conv2 = nn.Conv2d(ch, ch, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(ch)
        nn.init.zeros_(self.bn2.weight)
        self.p = p

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(x + drop_path(out, self.p, self.training))


def make_images(n, g):
    """Three kinds of texture under noise: rows, columns, checks; random phase."""
    kind = torch.randint(0, 3, (n,), generator=g)
    i, j = torch.meshgrid(torch.arange(10), torch.arange(10), indexing="ij")
    phase = torch.randint(0, 2, (n, 1, 1), generator=g)
    patterns = torch.stack([i % 2, j % 2, (i + j) % 2])
    img = ((patterns[kind] + phase) % 2).float() * 2 - 1
    img = img + 1.5 * torch.randn(n, 10, 10, generator=g)
    return img.unsqueeze(1) / 1.8, kind


def main():
    torch.manual_seed(4)
    gen = torch.Generator().manual_seed(4)
    x_train, y_train = make_images(500, gen)
    x_test, y_test = make_images(300, gen)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), BasicBlock(8, 0.1), BasicBlock(8, 0.2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(8):
        model.train()
        for idx in torch.randperm(500).split(50):
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            logits = model(x_test)
        print(f"epoch {epoch} loss {loss.item():.3f} test loss {F.cross_entropy(logits, y_test).item():.3f} "
              f"test acc {(logits.argmax(1) == y_test).float().mean().item():.3f}")


if __name__ == "__main__":
    main()

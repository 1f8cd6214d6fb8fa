"""Saving memory three ways: checkpointed blocks, a swish that recomputes, and accumulation over two halves.

healthy: gradient checkpointing, a custom autograd function and scaled gradient accumulation together
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset, random_split


class SwishFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad_output * s * (1 + x * (1 - s))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        return x + self.drop(SwishFn.apply(self.up(self.norm(x))))


class DeepNet(nn.Module):
    def __init__(self, width=48, depth=4):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        h = self.stem(x)
        for block in self.blocks:
            if self.training:
                h = checkpoint(block, h, use_reentrant=False)
            else:
                h = block(h)
        return self.out(h)


def main():
    torch.manual_seed(21)
    digits = load_digits()
    ds = TensorDataset(torch.tensor(digits.data / 16.0, dtype=torch.float32), torch.tensor(digits.target))
    train_ds, val_ds = random_split(ds, [1347, 450])
    train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
    val_dl = DataLoader(val_ds, batch_size=450)
    model = DeepNet()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    for epoch in range(7):
        model.train()
        epoch_loss = 0.0
        for images, labels in train_dl:
            opt.zero_grad()
            for im, lab in zip(images.chunk(2), labels.chunk(2)):
                part = nn.functional.cross_entropy(model(im), lab) * len(lab) / len(labels)
                part.backward()
                epoch_loss += part.item() * len(labels)
            opt.step()
        model.eval()
        with torch.no_grad():
            acc = sum((model(im).argmax(-1) == lab).sum().item() for im, lab in val_dl) / len(val_ds)
        print(f"epoch {epoch} train loss {epoch_loss / len(train_ds):.3f} val acc {acc:.3f}")


if __name__ == "__main__":
    main()

"""Segment a disc in a noisy 16x16 picture with a tiny U-Net.

healthy: sigmoid inside the dice loss of one's own while BCEWithLogits gets the raw logits of the same output
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def discs(n, size=16):
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    cx = torch.randint(4, size - 4, (n, 1, 1))
    cy = torch.randint(4, size - 4, (n, 1, 1))
    r = torch.rand(n, 1, 1) * 2.5 + 2
    mask = ((xx - cx) ** 2 + (yy - cy) ** 2 <= r ** 2).float().unsqueeze(1)
    img = mask * 0.8 + 0.4 * torch.randn(n, 1, size, size)
    return img, mask


class DiceLoss(nn.Module):
    def __init__(self, smooth=1.0):
        super().__init__()
        self.smooth = smooth

    def forward(self, logits, mask):
        prob = torch.sigmoid(logits)
        inter = (prob * mask).sum(dim=(1, 2, 3))
        union = prob.sum(dim=(1, 2, 3)) + mask.sum(dim=(1, 2, 3))
        return 1 - ((2 * inter + self.smooth) / (union + self.smooth)).mean()


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = block(1, 8)
        self.mid = block(8, 16)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.last = block(16, 8)
        self.out = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        d = self.down(x)
        m = self.mid(F.max_pool2d(d, 2))
        u = torch.cat([self.up(m), d], dim=1)
        return self.out(self.last(u))


@torch.no_grad()
def iou(net, loader):
    net.eval()
    inter = union = 0.0
    for img, mask in loader:
        pred = torch.sigmoid(net(img)) > 0.5
        true = mask.bool()
        inter += (pred & true).sum().item()
        union += (pred | true).sum().item()
    return inter / union


torch.manual_seed(19)
train_dl = DataLoader(TensorDataset(*discs(320)), batch_size=16, shuffle=True)
val_dl = DataLoader(TensorDataset(*discs(80)), batch_size=40)
unet = TinyUNet()
dice = DiceLoss()
optimizer = torch.optim.Adam(unet.parameters(), lr=5e-3)

for epoch in range(7):
    unet.train()
    total = 0.0
    for img, mask in train_dl:
        logits = unet(img)
        loss = dice(logits, mask) + F.binary_cross_entropy_with_logits(logits, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} loss {total / len(train_dl):.4f} val IoU {iou(unet, val_dl):.3f}")

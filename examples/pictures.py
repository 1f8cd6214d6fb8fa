"""Pictures: a folder with one sub-folder per class, a convolutional net, and answers for files that it never saw."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageOps
from sklearn.datasets import load_digits

import firesteel

N_PICTURES, N_NEW = 600, 8


def draw(folder: Path) -> list[Path]:
    """Digits as PNG files in folders 0 to 9, and some more for later, larger and dark on white."""
    digits = load_digits()
    new = []
    for i, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        picture = Image.fromarray((pixels * 15).astype("uint8"))
        if i < N_PICTURES:
            place = folder / "train" / str(digit) / f"{i}.png"
        elif i < N_PICTURES + N_NEW:
            place = folder / f"{digit}.png"
            picture = ImageOps.invert(picture.resize((64, 64)))
            new.append(place)
        else:
            break
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place)
    return new


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        new = draw(folder)
        model = firesteel.fit(folder / "train", channels=(16, 32), flip=0, epochs=20, baselines=False)
        score = model.report.main
        print(f"{score.name} {score.value:.3f} (95 % interval {score.low:.3f} to {score.high:.3f})")

        answers = firesteel.predict(model, new, sheet=folder / "answers.png")
        for path, pred in zip(new, answers.frame["target"], strict=True):
            print(f"{path.name}: {pred}")
        print(*answers.notices, sep="\n")


if __name__ == "__main__":
    main()

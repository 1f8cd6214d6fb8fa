"""Files of every kind become pixels of one form; what cannot be decoded is said."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from firesteel.data.decoding import MAX_SIDE, Decoded, PictureFile, choose_form, decode_files, read_headers
from firesteel.data.pictures import Form, Pixels

GREY = np.array([[0, 60, 120], [180, 240, 255]], np.uint8)  # (2, 3)


def files_of(*paths: Path) -> list[PictureFile]:
    return [PictureFile(path.name, str(path), (path.stat().st_size, 0, 0)) for path in paths]


def decode(*paths: Path, form: Form | None = None) -> Decoded:
    files = files_of(*paths)
    return decode_files(files, read_headers(files), form=form)


def save(path: Path, picture: Image.Image | npt.NDArray[Any], **options: Any) -> Path:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


def pixels_of(path: Path, form: Form | None = None) -> Pixels:
    """The picture of a file, without its axis of channels where it is grey."""
    decoded = decode(path, form=form)
    assert not decoded.broken
    pixels: Pixels = decoded.pixels[0]
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "tiff", "gif", "webp"])
def test_lossless_kinds_give_back_the_grey_levels(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"a.{ending}", GREY, **options)
    assert np.array_equal(pixels_of(path), GREY)


def test_a_jpeg_is_nearly_what_was_stored(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.full((8, 8, 3), (200, 30, 90), np.uint8), quality=95)
    assert np.allclose(pixels_of(path), (200, 30, 90), atol=4)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("1", 255), ("L", 200), ("RGB", (200, 30, 90)), ("P", (200, 30, 90)), ("CMYK", (200, 30, 90))],
)
def test_every_mode_becomes_grey_or_colour(tmp_path: Path, mode: str, expected: object) -> None:
    colour = 255 if mode == "1" else 200 if mode == "L" else (200, 30, 90)
    picture = Image.new("L" if mode in "1L" else "RGB", (3, 2), colour)
    if mode == "P":
        picture = picture.quantize(4)
    elif picture.mode != mode:
        picture = picture.convert(mode)
    path = save(tmp_path / "a.tif", picture)
    assert (pixels_of(path) == expected).all()


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    clear = save(tmp_path / "rgba.png", Image.new("RGBA", (2, 2), (255, 0, 0, 0)))
    half = save(tmp_path / "la.png", Image.new("LA", (2, 2), (0, 128)))
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 9, 99, 199])
    keyed = save(tmp_path / "p.png", palette, transparency=1)
    assert (pixels_of(clear) == 255).all()
    assert (pixels_of(half) == 127).all()
    assert (pixels_of(keyed) == 255).all()


def test_16_bits_are_scaled_from_their_whole_range(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[0, 256, 32768, 65535]], np.uint16))
    assert pixels_of(path).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([0, 0.5, 1], [0, 128, 255]), ([0, 7, 255], [0, 7, 255]), ([-10, 0, 10], [0, 128, 255]), ([5e6] * 3, [0] * 3)],
)
def test_32_bits_are_scaled_from_what_their_values_say(
    tmp_path: Path, levels: list[float], expected: list[int]
) -> None:
    path = save(tmp_path / "a.tif", np.array([levels], np.float32))
    assert pixels_of(path).tolist() == [expected]


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path, ending: str) -> None:
    stored = np.zeros((8, 16), np.uint8)
    stored[:, :8] = 255  # bright at the left as stored: at the top once it is turned clockwise
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = pixels_of(save(tmp_path / f"a.{ending}", Image.fromarray(stored), exif=exif))
    assert upright.shape[:2] == (16, 8)
    assert upright[:6].min() > 200
    assert upright[10:].max() < 50


@pytest.mark.parametrize("ending", ["gif", "tif"])
def test_the_first_frame_is_read(tmp_path: Path, ending: str) -> None:
    frames = [Image.new("L", (4, 4), level) for level in (10, 200)]
    path = save(tmp_path / f"a.{ending}", frames[0], save_all=True, append_images=frames[1:])
    assert (pixels_of(path) == 10).all()


def test_a_picture_of_one_pixel_fills_any_form(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (1, 1), 77))
    assert (pixels_of(path, form=Form(28, 28, 1)) == 77).all()


def test_the_aspect_is_kept_and_the_border_is_continued(tmp_path: Path) -> None:
    picture = np.full((20, 40), 30, np.uint8)
    picture[5:15, 10:30] = 250
    fitted = pixels_of(save(tmp_path / "a.png", picture), form=Form(20, 20, 1))
    assert (fitted[:5] == 30).all()
    assert (fitted[15:] == 30).all()
    assert fitted[10, 10] == 250


def test_the_form_is_the_commonest_size_and_grey_only_if_all_are(tmp_path: Path) -> None:
    grey = [save(tmp_path / f"{i}.png", Image.new("L", (3, 2))) for i in range(2)]
    colour = save(tmp_path / "c.png", Image.new("RGB", (9, 9)))
    assert choose_form(read_headers(files_of(*grey))) == Form(2, 3, 1)
    assert choose_form(read_headers(files_of(*grey, colour))) == Form(2, 3, 3)


def test_of_equally_common_sizes_the_middle_one_is_taken(tmp_path: Path) -> None:
    sizes = [save(tmp_path / f"{side}.png", Image.new("L", (side, side))) for side in (200, 1, 20)]
    assert choose_form(read_headers(files_of(*sizes))) == Form(20, 20, 1)


def test_pictures_of_other_sizes_are_counted(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", Image.new("L", (4, 4))) for i in range(3)]
    decoded = decode(*paths, save(tmp_path / "z.png", Image.new("L", (8, 8))))
    assert decoded.notices(files_of(*paths)) == ("1 of 4 pictures has another size and was fitted to 4 x 4",)


def test_large_photos_are_scaled_down_to_the_largest_side(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.jpg", Image.new("RGB", (1000, 500), "red")) for i in range(2)]
    decoded = decode(*paths)
    assert decoded.pixels.shape == (2, MAX_SIDE // 2, MAX_SIDE, 3)
    assert decoded.n_fitted == 0
    assert decoded.notices(files_of(*paths)) == (
        "2 of 2 pictures are larger than 224 pixels; the form is 112 x 224 (height x width)",
    )


def test_grey_pictures_stored_as_colours_are_read_as_grey(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i}.png", Image.new("RGB", (4, 4), (i, i, i))) for i in range(3)]
    decoded = decode(*paths)
    assert decoded.pixels.tolist() == np.arange(3).repeat(16).reshape(3, 4, 4, 1).tolist()
    assert "stored as colours" in decoded.notices(files_of(*paths))[0]


def test_one_coloured_picture_keeps_the_colours_of_all(tmp_path: Path) -> None:
    grey = save(tmp_path / "a.png", Image.new("RGB", (4, 4), "grey"))
    assert decode(grey, save(tmp_path / "b.png", Image.new("RGB", (4, 4), "red"))).pixels.shape[3] == 3


def bomb(path: Path) -> Path:
    """A PNG whose header says 50,000 x 50,000."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0), b"IDAT": zlib.compress(b"\0")}
    chunks = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts.items()]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def test_broken_files_are_left_out_and_named_with_the_reason(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    fine = [save(tmp_path / f"fine{i}.png", np.full((32, 32, 3), (i, 0, 9), np.uint8)) for i in range(2)]
    cut = [save(tmp_path / name, noise) for name in ("cut.png", "cut.jpg", "cut.webp", "cut.bmp", "cut.gif")]
    for path in cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "gone.png").symlink_to("nowhere")
    strange = [tmp_path / "empty.png", tmp_path / "text.jpg", bomb(tmp_path / "bomb.png")]
    files = files_of(fine[0], *cut, *strange, fine[1])
    files.insert(-1, PictureFile("gone.png", str(tmp_path / "gone.png"), (0, 0, 0)))
    decoded = decode_files(files, read_headers(files), form=None)
    reasons = {files[place].name: why for place, why in decoded.broken}
    assert decoded.pixels[:, 0, 0].tolist() == [[0, 0, 9], [1, 0, 9]]
    assert reasons == dict.fromkeys([path.name for path in cut], "damaged or cut short") | {
        "empty.png": "empty",
        "text.jpg": "no picture",
        "bomb.png": "more than 89,478,485 pixels are refused",
        "gone.png": "no such file or directory",
    }
    assert "9 of 11 files are broken and left out: 'cut.png' (damaged" in decoded.notices(files)[0]


def test_pixels_that_are_no_numbers_break_a_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.array([[np.nan, 1]], np.float32))
    assert decode(path).broken == ((0, "pixels that are NaN or infinite"),)


def test_progress_is_told_up_to_the_last_file(tmp_path: Path) -> None:
    files = files_of(*[save(tmp_path / f"{i}.png", GREY) for i in range(3)])
    told: list[tuple[int, int]] = []
    decode_files(files, read_headers(files), form=None, observer=lambda *done: told.append(done))
    assert told[-1] == (3, 3)


def test_threads_keep_the_order(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{i:02}.png", Image.new("L", (130, 130), i)) for i in range(40)]
    assert decode(*paths).pixels[:, 0, 0, 0].tolist() == list(range(40))

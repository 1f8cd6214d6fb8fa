"""Sets of pictures by name: found in a folder of yours, or fetched once and kept."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from firesteel.data.bundles import read_bundle
from firesteel.data.downloads import RemoteFile, fetch
from firesteel.data.idx import read_idx
from firesteel.data.picture_cache import cache_folder
from firesteel.data.pictures import Reading, Wish, listed
from firesteel.errors import DataError, nearest

#: The environment variable that names a folder of sets.
DATA_VARIABLE = "FIRESTEEL_DATA"
_HASH_BYTES = 2**20


@dataclass(frozen=True)
class NamedSet:
    """A set of files: the first is read, the others lie beside it."""

    about: str
    mirrors: tuple[str, ...]  # addresses that end in /, tried in turn
    files: tuple[RemoteFile, ...]
    contents: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of what a .gz file holds, however it is packed
    classes: tuple[str, ...] = ()  # what labels 0, 1, ... are called


_GITHUB = "https://raw.githubusercontent.com"
NAMED_SETS: Mapping[str, NamedSet] = {
    "mnist": NamedSet(
        "70,000 handwritten digits, 28 x 28, grey; 10,000 of them the test set",
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            f"{_GITHUB}/fgnt/mnist/master/",
        ),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        ),
        contents={
            "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": NamedSet(
        "70,000 pieces of clothing of 10 kinds, 28 x 28, grey; 10,000 of them the test set",
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            f"{_GITHUB}/zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
        ),
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        ),
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
    "cats": NamedSet(
        "259 photos, 64 x 64, RGB, cat or not; 50 of them the test set",
        (
            f"{_GITHUB}/jalalmansoori19/Cat-Classifier/master/datasets/",
            f"{_GITHUB}/Kulbear/deep-learning-coursera/8ef9dd4fd4a627217d4ff31e63b661dbb3db9150/"
            "Neural%20Networks%20and%20Deep%20Learning/datasets/",
            f"{_GITHUB}/ridhimagarg/Cat-vs-Non-cat-Deep-learning-implementation/master/datasets/",
        ),
        (
            RemoteFile(
                "train_catvnoncat.h5", 2_572_022, "fbe56ab67c3ae28d564e3a644189117976d6b31af0a3ce9bb17dbf22908af242"
            ),
            RemoteFile(
                "test_catvnoncat.h5", 616_958, "6a9d39ce52fa85953c5834695b8534a30ed8cfd54971fb2f080b5a24d002b951"
            ),
        ),
    ),
}  # fmt: skip


def read_named_set(name: str, *, wish: Wish) -> Reading:
    """A set with its test set, from `wish.data_dir`, the folder of FIRESTEEL_DATA, the cache, or a mirror, in turn.

    Files lie in a folder of the set's name or right there. Raises DataError for a name that is no set, a damaged file
    in a folder of the user's (it is never deleted), and a set that is not here and cannot be fetched.
    """
    if name not in NAMED_SETS:
        near = nearest(name, NAMED_SETS)
        raise DataError(
            "pictures are a file, a folder or a named set",
            found=f"there is no '{name}'",
            hint=near[0] if near else f"look at the path, or take {listed(list(NAMED_SETS))}",
        )
    one = NAMED_SETS[name]
    said: list[str] = []
    folder = _own_folder(name, one, wish) or _kept_folder(name, one, wish=wish, said=said)
    first = folder / one.files[0].name
    asked = Wish(form=wish.form)
    reading = read_bundle(first, wish=asked) if first.suffix == ".h5" else read_idx(first, wish=asked)
    test = None if reading.test is None else _with_names(reading.test, one.classes)
    return replace(_with_names(reading, one.classes), notices=(*said, *reading.notices), test=test)


def has_named_set(name: str, *, wish: Wish) -> bool:
    """Whether all files of a set lie on this machine, whole or not."""
    places = (*_own_places(name, wish), _kept_place(name))
    return any(all((folder / file.name).is_file() for file in NAMED_SETS[name].files) for folder in places)


def _with_names(reading: Reading, classes: tuple[str, ...]) -> Reading:
    if not classes or reading.labels is None:
        return reading
    return replace(reading, labels=tuple(None if one is None else classes[int(one)] for one in reading.labels))


def _own_places(name: str, wish: Wish) -> Iterator[Path]:
    """Folders of the user's in which a set may lie."""
    named = os.environ.get(DATA_VARIABLE)
    for folder in (wish.data_dir, Path(named) if named else None):
        if folder is not None:
            yield folder / name
            yield folder


def _kept_place(name: str) -> Path:
    return cache_folder() / "sets" / name


def _own_folder(name: str, one: NamedSet, wish: Wish) -> Path | None:
    """The first folder of the user's that has all files of a set."""
    for folder in _own_places(name, wish):
        if not all((folder / file.name).is_file() for file in one.files):
            continue
        bad = next((file for file in one.files if not _is_whole(folder, file, one)), None)
        if bad is None:
            return folder
        if not _is_of_another_set(folder, bad.name, but=name):
            raise DataError(
                f"the files of {name} must be whole",
                found=f"'{folder / bad.name}' is damaged: its SHA-256 is not that of the set",
                hint="load it again, or take it away and let it be fetched",
            )
    return None


def _kept_folder(name: str, one: NamedSet, *, wish: Wish, said: list[str]) -> Path:
    """The folder of the cache, with all files of a set; those that are not there, or damaged, are fetched."""
    folder = _kept_place(name)
    for file in one.files:
        place = folder / file.name
        if place.is_file() and not _is_whole(folder, file, one):
            place.unlink()
            said.append(f"'{place}' was damaged: it was deleted{'' if wish.is_offline else ' and fetched again'}")
        if place.is_file():
            continue
        if wish.is_offline:
            places = [str(place) for place in (*_own_places(name, wish), folder)]
            raise DataError(
                f"{name} must lie on this machine with --offline",
                found=f"'{file.name}' and its like are in none of {listed(places, len(places))}",
                hint=f"--data-dir FOLDER, or {DATA_VARIABLE}=FOLDER, or once without --offline",
            )
        fetch(file, folder=folder, mirrors=one.mirrors, said=said)
    return folder


def _is_whole(folder: Path, file: RemoteFile, one: NamedSet) -> bool:
    """Whether a file has the bytes of the set, packed as on the mirrors or otherwise."""
    path = folder / file.name
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256:
            return True
    wanted = one.contents.get(file.name)
    return wanted is not None and _content_digest(path) == wanted


def _content_digest(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with gzip.open(path) as stream:
            while piece := stream.read(_HASH_BYTES):
                digest.update(piece)
    except (OSError, EOFError, zlib.error):
        return None
    return digest.hexdigest()


def _is_of_another_set(folder: Path, name: str, *, but: str) -> bool:
    """Whether a file belongs to another set, whose files have the same names."""
    others = [(one, file) for key, one in NAMED_SETS.items() if key != but for file in one.files if file.name == name]
    return any(_is_whole(folder, file, one) for one, file in others)

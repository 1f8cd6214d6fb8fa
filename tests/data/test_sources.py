"""Every source becomes the same table."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from firesteel.data import BUILT_IN, arrays_to_table, delimited, fingerprint, read_table, sources, stream_tables
from firesteel.errors import DataError

FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", " y", "?"], "c": [0.5, None, 2.0], "d": [True, None, False]})
READ = [(1, "x", 0.5, True), (2, "y", None, None), (None, None, 2.0, False)]


@pytest.mark.parametrize(
    "ending", [".csv", ".csv.gz", ".parquet", ".arrow", ".feather", ".jsonl", ".json", ".ndjson.gz"]
)
def test_a_frame_comes_back_from_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    kind = ending.removesuffix(".gz")
    path = tmp_path / f"rows{kind}"
    write = {".csv": FRAME.write_csv, ".parquet": FRAME.write_parquet, ".json": FRAME.write_json}
    write |= {".arrow": FRAME.write_ipc, ".feather": FRAME.write_ipc}
    write.get(kind, FRAME.write_ndjson)(path)
    if ending.endswith(".gz"):
        packed = path.with_name(f"rows{ending}")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    assert read_table(path).frame.rows() == READ
    assert sum(chunk.n_rows for chunk in stream_tables(path, n_rows=2)) == 3


def test_polars_and_pandas_frames_are_tables() -> None:
    assert read_table(FRAME).frame.rows() == READ
    assert read_table(FRAME.lazy()).frame.rows() == READ
    pandas = pd.DataFrame({name: FRAME[name].to_list() for name in FRAME.columns})
    pandas["a"] = pandas["a"].astype("Int64")
    assert read_table(pandas).frame.rows() == READ


def test_pandas_types_are_understood_column_by_column() -> None:
    frame = pd.DataFrame({
        "zone": pd.to_datetime(["2024-01-01 12:00", None], utc=True),
        "level": pd.Categorical(["u", None]),
        "mixed": [1, "a"],
        7: [np.int32(3), np.int32(4)],
    })  # fmt: skip
    read = read_table(frame).frame
    assert read.dtypes == [pl.Datetime("us"), pl.String, pl.String, pl.Int64]
    assert read["zone"].dt.hour().to_list() == [12, None]
    assert read["mixed"].to_list() == ["1", "a"]


def test_numbers_that_turn_to_decimals_late_are_one_column_of_decimals(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(2000)) + "1027.5,x\n")
    assert read_table(path).frame["a"].dtype == pl.Float64


def test_a_column_of_lists_is_left_out_with_a_notice() -> None:
    table = read_table(pl.DataFrame({"a": [1, 2], "b": [[1], [2]]}))
    assert table.frame.columns == ["a"]
    assert "'b' holds List" in table.notices[0]


def test_infinite_values_are_missing_with_a_notice() -> None:
    table = read_table(pl.DataFrame({"a": [1.0, np.inf, np.nan]}))
    assert table.frame["a"].to_list() == [1.0, None, None]
    assert "infinite values (1)" in table.notices[0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_have_their_target_last(name: str) -> None:
    table = read_table(name)
    assert table.frame.columns[-1] == "target"
    assert table.name == name
    assert not table.notices


def test_built_in_sets_carry_class_names_and_column_names() -> None:
    assert set(read_table("iris").frame["target"]) == {"setosa", "versicolor", "virginica"}
    assert read_table("digits").frame.columns[:2] == ["pixel_0_0", "pixel_0_1"]


def test_a_mistyped_name_gets_the_nearest_file_or_set(tmp_path: Path) -> None:
    (tmp_path / "titanic.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"did you mean .*titanic\.csv"):
        read_table(tmp_path / "titanc.csv")
    with pytest.raises(DataError, match="did you mean digits"):
        read_table("digit")


def test_a_folder_is_an_error_that_lists_its_tables(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="is a folder") as error:
        read_table(tmp_path)
    assert "rows.csv" in error.value.hint


def test_no_permission_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "rows.csv").write_text("a\n1\n")
    monkeypatch.setattr(Path, "open", closed)  # root may read everything, so the file's mode is no test
    with pytest.raises(DataError, match=r"must be readable; .*Permission denied"):
        read_table(tmp_path / "rows.csv")


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".jsonl", ".json"])
def test_a_file_that_is_not_what_its_ending_says_is_an_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=f"a {ending} file must be what its name says"):
        read_table(path)
    with pytest.raises(DataError, match="must be what its name says"):
        list(stream_tables(path, n_rows=10))


def test_what_is_no_source_is_an_error() -> None:
    with pytest.raises(DataError, match=r"(?s)a int was given.*firesteel.fit\("):
        read_table(3)


def test_arrays_become_columns_and_a_target() -> None:
    table = arrays_to_table(np.array([[1.0, np.nan], [3.0, 4.0]]), ["a", "b"])
    assert table.frame.columns == ["c0", "c1", "target"]
    assert table.frame.rows() == [(1.0, None, "a"), (3.0, 4.0, "b")]
    assert read_table(np.zeros((2, 3))).frame.shape == (2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_become_columns(dtype: torch.dtype) -> None:
    x = torch.tensor([[1, 0], [0, 1]]).to(dtype)
    table = arrays_to_table(x, torch.tensor([1.5, float("nan")], requires_grad=True))
    assert table.frame["c0"].cast(pl.Float64).to_list() == [1.0, 0.0]
    assert table.frame["target"].to_list() == [1.5, None]


def test_a_vector_is_one_column() -> None:
    assert arrays_to_table([1, 2, 3], [[1], [2], [3]]).frame.shape == (3, 2)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), "x has 3 and y has 4"),
        (np.array([[1, "a"], [None, 2]], dtype=object), [0, 1], "with values of type"),
        (np.array([[1.0, 2.0], [np.inf, 4.0]]), [0, 1], r"x\[1, 0\] is inf"),
        (np.zeros((2, 1)), np.array([0.0, -np.inf]), r"y\[1\] is -inf"),
        (np.zeros((2, 3, 4)), [0, 1], r"\(2, 3, 4\)"),
        (np.zeros((2, 1)), np.zeros((2, 2)), r"\(2, 2\)"),
        ([[1, 2], [3]], [0, 1], "different lengths"),
        (np.zeros((2, 1), dtype=complex), [0, 1], "complex128"),
        (np.zeros((2, 6000)), [0, 1], "up to 5,000 columns"),
    ],
)
def test_arrays_that_are_no_table_are_errors(x: object, y: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        arrays_to_table(x, y)


def test_streaming_a_file_holds_a_few_blocks_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 2**18)
    path = tmp_path / "rows.csv"
    path.write_text("123456789,abcdefgh\n" * 1_500_000)
    tracemalloc.start()
    n_rows = sum(chunk.n_rows for chunk in stream_tables(path, n_rows=50_000))
    peak = tracemalloc.get_traced_memory()[1]  # Python's and NumPy's; polars holds what the chunks hold
    tracemalloc.stop()
    assert n_rows == 1_500_000
    assert peak < path.stat().st_size / 2


def test_a_parquet_file_is_streamed_window_by_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_WINDOW_ROWS", 10)
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": range(35)}).write_parquet(path, row_group_size=8)
    chunks = list(stream_tables(path, n_rows=4))
    assert pl.concat([c.frame for c in chunks])["a"].to_list() == list(range(35))
    assert max(c.n_rows for c in chunks) == 4


def test_the_fingerprint_changes_with_values_types_names_and_order() -> None:
    frames = [
        pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [2, 1]}), pl.DataFrame({"b": [1, 2]}),
        pl.DataFrame({"a": [1.0, 2.0]}), pl.DataFrame({"a": ["p", "q"]}), pl.DataFrame({"a": ["12", ""]}),
        pl.DataFrame({"a": ["xy", "z"]}), pl.DataFrame({"a": ["x", "yz"]}), pl.DataFrame({"a": [1, None, 2]}),
    ]  # fmt: skip
    assert len({fingerprint(read_table(frame)) for frame in frames}) == len(frames)
    assert fingerprint(read_table(frames[0])) == fingerprint(read_table(frames[0].clone()))

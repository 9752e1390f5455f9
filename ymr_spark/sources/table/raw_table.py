"""A table of ratings, opened: where its rows are and what they look like."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources.table import columns, frame_rows
from ymr_spark.sources.table.found import Read

BUCKET_BYTES = 64 * 2**20  # of text
_PACKED = 5  # bytes of text that one of a compressed file or of Parquet stands for
_FORMS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), "text"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    ".parquet": "parquet",
}
COMPRESSIONS = {".gz", ".bz2"}


@dataclass(frozen=True)
class RawTable:
    """Ratings before anything of them is judged.

    Attributes:
        name: for what is quarantined, and the manifest.
        said: what it was taken for.
        frame, read: what workers begin with, and what makes rows of it.
        buckets: of users, into which rows are dealt.
        time, split: whether there are such columns.
        items: columns among `items.ATTRIBUTES`; None where there are none.
        scale: as published; None where it has to be stated or measured.
    """

    name: str
    said: str
    frame: DataFrame
    read: Read
    buckets: int
    time: bool
    split: bool
    items: pa.Table | None = None
    scale: Scale | None = None


@dataclass(frozen=True)
class Given:
    """What the settings say of a table; None for what is to be found."""

    columns: Mapping[str, str | None]
    form: str | None = None  # text, json, parquet, delta
    separator: str | None = None
    header: bool | None = None


@contextmanager
def watched(path: Path) -> Iterator[None]:
    """Turn the failure of a Spark job over a raw table into what was wrong with it.

    Raises:
        DataContractError: what a worker said of a file, or Spark of one that cannot be read.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as e:
        if told := re.search(r"DataContractError: (.+)", str(e)):
            raise DataContractError(told[1]) from None
        if told := re.search(r"\[FAILED_READ_FILE[^\]]*\] *([^\n]+)", str(e)):
            raise DataContractError(
                f"{path}: cannot be read ({told[1]}); replace the file with a whole one"
            ) from e
        raise


def form_of(path: Path) -> str:
    """Delta, Parquet, JSON lines or text, by the names of the files.

    Raises:
        DataContractError: there is no file of such a name, or there are some of several kinds.
    """
    if (path / "_delta_log").is_dir():
        return "delta"
    kinds = {_FORMS.get(_suffix(file)) for file in data_files(path)}
    if len(kinds) == 1 and (kind := kinds.pop()):
        return kind
    raise DataContractError(
        f"{path}: expected files of one kind ({', '.join(_FORMS)}, text also with .gz or .bz2) or "
        "a Delta table; say what it is by raw.format, or give another raw.path"
    )


def data_files(path: Path) -> list[Path]:
    """The file, or those below the folder but hidden ones and marks.

    Raises:
        DataContractError: there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file())
    found = [p for p in found if not any(n[0] in "._" for n in p.relative_to(path).parts)]
    if not found:
        raise DataContractError(f"{path}: no such file, or no file in it; give it by raw.path")
    return found


def spark_table(spark: SparkSession, path: Path, form: str, given: Given) -> RawTable:
    """A table in Parquet, Delta or JSON lines.

    Raises:
        DataContractError: it cannot be read.
        SettingsError: a column that is given is not there, or one cannot be told.
    """
    frame = frame_rows.open_frame(spark, path, form)
    of = columns.chosen(given.columns, frame_rows.names(frame), str(path))
    size = sum(file.stat().st_size for file in data_files(path))
    return RawTable(
        path.name,
        f"a table in {form}: {of}",
        frame_rows.selected(frame, of, str(path)),
        frame_rows.reader(path.name),
        size * (1 if form == "json" else _PACKED) // BUCKET_BYTES + 1,
        "time" in of.of,
        "test" in of.of,
    )


def _suffix(file: Path) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    return next((s for s in reversed(suffixes) if s not in COMPRESSIONS), "")

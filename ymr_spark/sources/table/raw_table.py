"""A table of ratings, opened: where its rows are and what they look like."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources.table import columns, frame_rows
from ymr_spark.sources.table.found import Read
from ymr_spark.store import locations
from ymr_spark.store.locations import Location

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
def watched(path: Location) -> Iterator[None]:
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


def form_of(path: Location) -> str:
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


def data_files(path: Location) -> list[Location]:
    """The file, or those below the folder but hidden ones and marks.

    Raises:
        DataContractError: there is none.
    """
    if path.is_file():
        return [path]
    found = [f for f in locations.files(path) if not _is_hidden(locations.below(path, f))]
    if not found:
        raise DataContractError(f"{path}: no such file, or no file in it; give it by raw.path")
    return found


def spark_table(spark: SparkSession, path: Location, form: str, given: Given) -> RawTable:
    """A table in Parquet, Delta or JSON lines.

    Raises:
        DataContractError: it cannot be read.
        SettingsError: a column that is given is not there, or one cannot be told.
    """
    frame = frame_rows.open_frame(spark, path, form)
    of = columns.chosen(given.columns, frame_rows.names(frame), str(path))
    size = sum(locations.stamp(file)[0] for file in data_files(path))
    return RawTable(
        path.name,
        f"a table in {form}: {of}",
        frame_rows.selected(frame, of, str(path)),
        frame_rows.reader(path.name),
        size * (1 if form == "json" else _PACKED) // BUCKET_BYTES + 1,
        "time" in of.of,
        "test" in of.of,
    )


def _is_hidden(path: PurePath) -> bool:
    return any(name[0] in "._" for name in path.parts)


def _suffix(file: Location) -> str:
    suffixes = [s.lower() for s in file.suffixes]
    return next((s for s in reversed(suffixes) if s not in COMPRESSIONS), "")

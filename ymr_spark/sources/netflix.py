"""The Netflix Prize data, as its README describes them.

`training_set/mv_0000001.txt`, a file a film: its number with a colon, then a line a rating:
customer, stars and date between commas; or one after the other in `combined_data_1.txt` and so on.
`probe.txt` names ratings among them that are for the test: a film's number with a colon, then a
customer a line. `movie_titles.txt` has number, year and title between commas. `qualifying.txt` has
no ratings and is not read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.scale import Scale
from ymr_spark.sources.movielens import inner
from ymr_spark.sources.raw_file import READ_ERRORS, described, unreadable
from ymr_spark.sources.stretches import Stretch
from ymr_spark.sources.table import attributes, found
from ymr_spark.sources.table.columns import Columns
from ymr_spark.sources.table.found import Found
from ymr_spark.sources.table.raw_table import BUCKET_BYTES, RawTable
from ymr_spark.sources.table.text_rows import Form, parsed
from ymr_spark.store import locations
from ymr_spark.store.locations import Location

_NAMES = ("user", "rating", "time", "item")
_FORM = Form(",", _NAMES, Columns({name: name for name in _NAMES}), quoted=False)
_FILM = re.compile(rb"^([0-9]+):\r?\n", re.MULTILINE)
_TASK_BYTES = 16 * 2**20


def find(path: Location) -> list[Location]:
    """The files of ratings in this folder or in one below."""
    films = locations.matching(path, "**/mv_*.txt")
    return films or locations.matching(path, "**/combined_data_*.txt")


def opened(spark: SparkSession, path: Location) -> RawTable:
    """The data in this folder; where there is a `probe.txt`, it gives the test rows.

    Raises:
        DataContractError: they are not there or cannot be read.
    """
    paths = find(path)
    if not paths:
        raise DataContractError(
            f"{path}: expected training_set/mv_*.txt or combined_data_*.txt of the Netflix Prize"
        )
    probe, titles = inner(path, "probe.txt"), inner(path, "movie_titles.*")
    tasks = _tasks(paths)
    held_out = None if probe is None else _pairs(probe)
    return RawTable(
        path.name,
        f"the Netflix Prize, {len(paths)} files" + ("" if probe is None else " and probe.txt"),
        spark.range(0, len(tasks), 1, len(tasks)).toDF("task"),
        _reader(tasks, held_out),
        sum(locations.stamp(file)[0] for file in paths) // BUCKET_BYTES + 1,
        True,
        held_out is not None,
        None if titles is None else _titles(titles),
        Scale(1, 5, 1),
    )


def _tasks(paths: Sequence[Location]) -> list[list[Stretch]]:
    """Stretches of whole films, some megabytes together."""
    tasks: list[list[Stretch]] = [[]]
    size = 0
    for place, path in enumerate(paths):
        file = described(path, place, 0)
        for start, end in _cuts(path, file.start, file.size):
            if tasks[-1] and size + end - start > _TASK_BYTES:
                tasks.append([])
                size = 0
            tasks[-1].append(Stretch(file, start, end))
            size += end - start
    return tasks


def _cuts(path: Location, start: int, size: int) -> Iterator[tuple[int, int]]:
    """Where films begin, some megabytes from each other."""
    with path.open("rb") as opened_file:
        while start < size:
            end = start + _TASK_BYTES
            opened_file.seek(end)
            ahead = b""
            while (begins := _FILM.search(ahead, ahead.find(b"\n") + 1)) is None:
                more = opened_file.read(2**20)
                if not more:
                    break
                ahead += more
            end = size if begins is None else end + begins.start()
            yield start, min(end, size)
            start = end


def _reader(tasks: list[list[Stretch]], held_out: npt.NDArray[np.int64] | None) -> found.Read:
    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[Found]:
        for batch in batches:
            for number in batch.column(0).to_numpy().tolist():
                for stretch in tasks[number]:
                    for text in _films(stretch):
                        rows = parsed(text, _FORM, stretch.file.name)
                        yield rows if held_out is None else _marked(rows, held_out)

    return read


def _films(stretch: Stretch) -> Iterator[bytes]:
    """The lines of each film, its number behind each."""
    try:
        with stretch.file.open() as opened_file:
            opened_file.seek(stretch.start)
            text = opened_file.read(-1 if stretch.end is None else stretch.end - stretch.start)
    except READ_ERRORS as e:
        raise unreadable(stretch.file.path, e) from e
    before, *films = _FILM.split(text)
    if before.strip():
        raise DataContractError(
            f"{stretch.file.path}: begins with {before[:60]!r}, expected a film's number and a "
            "colon; replace the file"
        )
    for film, lines in zip(films[::2], films[1::2], strict=True):
        ends = lines if lines.endswith(b"\n") or not lines else lines + b"\n"
        yield ends.replace(b"\r\n", b"\n").replace(b"\n", b",%s\n" % film)


def _marked(rows: Found, held_out: npt.NDArray[np.int64]) -> Found:
    key = _keys(rows.rows["item"], rows.rows["user"])
    test = pa.array(np.isin(key, held_out))
    place = rows.rows.schema.get_field_index("test")
    return replace(rows, rows=rows.rows.set_column(place, "test", test))


def _keys(film: Any, customer: Any) -> npt.NDArray[np.int64]:
    """One number a film and customer, -1 where one of them is none."""
    ids = [
        np.nan_to_num(found.numbers(c).to_numpy(), nan=-1).astype(np.int64)
        for c in (film, customer)
    ]
    keys: npt.NDArray[np.int64] = np.where((ids[0] < 0) | (ids[1] < 0), -1, ids[0] << 32 | ids[1])
    return keys


def _pairs(probe: Location) -> npt.NDArray[np.int64]:
    """The keys of the ratings that it names."""
    film, keys = 0, []
    for (line,) in attributes.lines(probe, "\n"):
        if line.endswith(":"):
            film = int(line[:-1])
        else:
            keys.append(film << 32 | int(line.split(",")[0]))
    return np.array(keys, np.int64)


def _titles(path: Location) -> pa.Table:
    rows = [row for row in attributes.lines(path, ",", "latin-1", 2) if len(row) > 2]
    ids, years, titles = zip(*rows, strict=True)
    albums = [year if year.isdigit() else None for year in years]
    return attributes.table({"id": ids, "title": titles, "album": albums}, "|")

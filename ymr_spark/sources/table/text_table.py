"""Text files of ratings, whose form is told by their first line or is that of a known layout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pyspark.sql import SparkSession

from ymr_spark.errors import DataContractError
from ymr_spark.runtime import cores
from ymr_spark.sources.raw_file import READ_ERRORS, RawFile, described, unreadable
from ymr_spark.sources.stretches import Stretch
from ymr_spark.sources.table import columns
from ymr_spark.sources.table.raw_table import BUCKET_BYTES, Given, RawTable
from ymr_spark.sources.table.text_rows import Form, fields, first_line, reader, separator_of
from ymr_spark.store import text as texts
from ymr_spark.store.locations import Location

_SMALLEST, _LARGEST = 2**20, 32 * 2**20  # bytes of text a task
_PACKED = 5  # bytes of text that a compressed one stands for


@dataclass(frozen=True)
class TextFiles:
    """Files of one form, each from its first row on."""

    files: tuple[RawFile, ...]
    form: Form


def of_layout(paths: Sequence[Location], form: Form, header: bool = False) -> TextFiles:
    """Files of a published form.

    Args:
        header: whether they begin with a line of names.
    """
    files = [described(path, place, 0) for place, path in enumerate(paths)]
    if header:
        files = [replace(file, start=first_line(file)[1]) for file in files]
    return TextFiles(tuple(files), form)


def of_any(paths: Sequence[Location], given: Given) -> TextFiles:
    """Files whose form is found out, as far as it is not given.

    Raises:
        DataContractError: a file cannot be read, or begins with other names than the first one.
        SettingsError: a column that is given is not there, or one cannot be told.
    """
    files = [described(path, place, 0) for place, path in enumerate(paths)]
    heads = [first_line(file) for file in files]
    line = heads[0][0]
    separator = given.separator or separator_of(line)
    first = [name.strip() for name in fields(line, separator) or [line]]
    header = columns.are_names(first) if given.header is None else given.header
    what = str(paths[0])
    if not header:
        names = [str(place) for place in range(1, len(first) + 1)]
        told = {role: name for role, name in given.columns.items() if name is not None}
        places = columns.by_place(names).of.items()
        rest = {role: name for role, name in places if name not in told.values()}
        of = columns.chosen({**rest, **told}, names, what)
        return TextFiles(tuple(files), Form(separator, tuple(names), of))
    for file, (other, _) in zip(files, heads, strict=True):
        if other != line:
            raise DataContractError(
                f"{file.path}: begins with {other[:200]!r}, {what} with {line!r}"
            )
    if len(set(first)) < len(first):
        raise DataContractError(f"{what}: a name twice in its first line {line!r}")
    form = Form(separator, tuple(first), columns.chosen(given.columns, first, what))
    return TextFiles(
        tuple(replace(f, start=start) for f, (_, start) in zip(files, heads, strict=True)), form
    )


def table(spark: SparkSession, name: str, text: TextFiles, said: str) -> RawTable:
    """Its rows in tasks of some megabytes."""
    size = sum(file.size * (_PACKED if file.compressed else 1) for file in text.files)
    tasks = 2 * cores.parallelism(spark)
    target = min(_LARGEST, max(_SMALLEST, size // tasks + 1))
    stretches = [stretch for file in text.files for stretch in _stretches(file, target)]
    roles = text.form.columns.of
    return RawTable(
        name,
        said,
        spark.range(0, len(stretches), 1, len(stretches)).toDF("stretch"),
        reader(stretches, text.form),
        size // BUCKET_BYTES + 1,
        "time" in roles,
        "test" in roles or text.form.test_files is not None,
    )


def told(text: TextFiles) -> str:
    """The form in words."""
    sign = {"\t": "tabs"}.get(text.form.separator, f"{text.form.separator!r}")
    return f"text with {sign} between columns: {text.form.columns}"


def _stretches(file: RawFile, target: int) -> Iterator[Stretch]:
    if file.compressed or file.size - file.start <= target:
        yield Stretch(file, file.start, None)
        return
    cuts = [file.start]
    try:
        with texts.opened(file.path) as text:
            for at in range(file.start + target, file.size, target):
                end = text.find(b"\n", max(at, cuts[-1])) + 1
                if end > cuts[-1]:
                    cuts.append(end)
    except READ_ERRORS as e:
        raise unreadable(file.path, e) from e
    for start, end in pairwise([*cuts, file.size]):
        if end > start:
            yield Stretch(file, start, end)

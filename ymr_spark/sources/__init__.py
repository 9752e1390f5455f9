"""Where raw ratings come from: R2's files, planted ones, other layouts, tables of any columns."""

from pathlib import Path

from ymr_spark.sources.r2 import files, names


def files_of(path: Path) -> list[Path]:
    """The files that ratings are read from: of a folder of R2's layout those that are taken."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.is_file() and not names.is_clutter(p.name))
    return files.of_interest(path) or found

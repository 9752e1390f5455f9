"""What a run needs of the file system below the warehouse: tried once, before it writes a thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.store import atomically

_FOLDERS = ("tables", "shards", "models", "reports", "runs")  # each may be a disk of its own
_TRIED_BYTES = 1 << 16


def require(root: Path) -> None:
    """Make the folder; try in it what Spark, Delta and the stages do to files.

    Raises:
        EnvironmentProblem: something of that is refused; says what, and the way out.
    """
    with needed(root, "no folder can be made"):
        atomically.followed(root).mkdir(parents=True, exist_ok=True)
        elsewhere = [root / name for name in _FOLDERS if _is_elsewhere(root / name)]
        for folder in elsewhere:
            atomically.followed(folder).mkdir(exist_ok=True)
    for folder in (root, *elsewhere):
        _try(folder, tables=folder.name == "tables" or root / "tables" not in elsewhere)


def _is_elsewhere(folder: Path) -> bool:
    return folder.is_symlink() or (
        folder.exists() and folder.stat().st_dev != folder.parent.stat().st_dev
    )


@contextmanager
def needed(path: Path, refused: str) -> Iterator[None]:
    """Turn what the file system refuses into an EnvironmentProblem."""
    try:
        yield
    except OSError as e:
        raise EnvironmentProblem(
            f"{path}: {refused} ({e.strerror or e}); a warehouse needs a disk with free space, "
            "write permission, hard links and file locks, such as ext4, XFS or NFS: choose "
            "another by the setting warehouse"
        ) from e


def _try(folder: Path, tables: bool) -> None:
    with (
        needed(folder, "no file can be written"),
        TemporaryDirectory(prefix=".tried.", dir=folder, ignore_cleanup_errors=True) as place,
    ):
        file = Path(place) / "file"
        file.write_bytes(bytes(_TRIED_BYTES))
        with needed(folder, "modes of files cannot be set"):
            file.chmod(0o644)  # as Hadoop's file system does to each
        if tables:
            with needed(folder, "no hard links"):
                file.with_name("link").hardlink_to(file)  # as delta-rs commits

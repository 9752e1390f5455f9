"""What a folder of shards holds, and the proof that it still holds exactly that."""

from pathlib import PurePath

from pydantic import ValidationError

from ymr_spark.errors import DataContractError
from ymr_spark.identity import Identity
from ymr_spark.records.record import Record
from ymr_spark.scale import Scale
from ymr_spark.store import locations, scratch
from ymr_spark.store.file_states import sha256
from ymr_spark.store.locations import Location

NAME = "inventory.json"
_WAY_OUT = "run jobs/export_shards.py --force"
# Written by others beside Parquet files: Petastorm would unpickle the first two, and would read
# rows that Delta has deleted from a folder with the third.
_REFUSED = ("_common_metadata", "_metadata", "_delta_log")


class File(Record):
    """One Parquet file, to be known again."""

    bytes: int
    sha256: str


class SplitShards(Record):
    """`row_groups` maps the path of each Parquet file of the split, one row group each, to its
    rows."""

    rows: int
    hash: str  # as ratings.identity
    mean_rating: float
    row_groups: dict[str, int]

    @property
    def identity(self) -> Identity:
        """Of its rows."""
        return Identity(self.rows, self.hash)


class Inventory(Record):
    """All paths are relative to the folder, all numbers of ids leave out the 0 for unknown."""

    ratings_version: int  # Delta version of the ratings table
    seed: int
    scale: Scale  # of the ratings
    columns: dict[str, str]
    index_sizes: dict[str, int]
    splits: dict[str, SplitShards]
    files: dict[str, File]

    def with_validation(self) -> "Inventory":
        """The same folder, its validation rows among the train rows."""
        parts = [self.splits[name] for name in ("train", "validation") if name in self.splits]
        rows = sum((part.identity for part in parts[1:]), parts[0].identity)
        means = [part.mean_rating * part.rows for part in parts]
        groups = {path: size for part in parts for path, size in part.row_groups.items()}
        train = SplitShards(
            rows=rows.rows, hash=rows.hash, mean_rating=sum(means) / rows.rows, row_groups=groups
        )
        return self.model_copy(update={"splits": {"train": train}})

    def only_validation(self) -> "Inventory":
        """The same folder, its validation rows for train rows."""
        return self.model_copy(update={"splits": {"train": self.splits["validation"]}})


def files_of(folder: Location) -> dict[str, File]:
    """Size and digest of every file below the folder but the inventory itself, and hidden ones,
    which a killed task has left."""
    found = {str(locations.below(folder, f)): (f, s) for f, s in locations.files(folder).items()}
    return {
        name: File(bytes=stamp[0], sha256=sha256(file))
        for name, (file, stamp) in sorted(found.items())
        if _counts(name)
    }


def _counts(name: str) -> bool:
    return name != NAME and not PurePath(name).name.startswith(".")


def verify(folder: Location, ratings_version: int | None = None) -> Inventory:
    """The inventory of a folder that holds what it says, byte by byte, and nothing else.

    Of a store's folder the copy is looked at that this machine reads.

    Raises:
        DataContractError: a file is missing, changed or extra; Delta's or Petastorm's own
            metadata are there; the shards are not of this version of the ratings table.
    """
    for path in (path for name in _REFUSED for path in locations.matching(folder, f"**/{name}")):
        raise DataContractError(f"{path}: shards are plain Parquet without it; {_WAY_OUT}")
    inventory = _read(folder / NAME)
    if ratings_version is not None and inventory.ratings_version != ratings_version:
        raise DataContractError(
            f"{folder}: made from version {inventory.ratings_version} of the ratings table, "
            f"expected version {ratings_version}; {_WAY_OUT}"
        )
    expected, found = inventory.files, files_of(scratch.brought(folder))
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise DataContractError(
                f"{folder / name}: {_difference(expected.get(name), found.get(name))}; {_WAY_OUT}"
            )
    return inventory


def _read(path: Location) -> Inventory:
    try:
        return Inventory.model_validate_json(path.read_bytes())
    except OSError as e:
        raise DataContractError(f"{path}: cannot be read ({e.strerror}); {_WAY_OUT}") from e
    except ValidationError as e:
        raise DataContractError(f"{path}: not an inventory of this version; {_WAY_OUT}") from e


def _difference(expected: File | None, found: File | None) -> str:
    if found is None:
        return "missing"
    if expected is None:
        return "not in the inventory"
    if expected.bytes != found.bytes:
        return f"{found.bytes} bytes, expected {expected.bytes}"
    return "another content than the inventory's sha256"

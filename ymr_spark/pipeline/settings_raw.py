"""The sections of where raw ratings come from, and which of them are held out."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ymr_spark.setting_types import Section, SharedPath
from ymr_spark.store import locations
from ymr_spark.store.locations import Location


def _as_text(value: Any) -> Any:
    """A place may be written as a number."""
    return str(value) if isinstance(value, int) else value


Name = Annotated[str, Field(min_length=1), BeforeValidator(_as_text)]
# Of raw.folder; the others have raw.path.
_FOLDERS = ("planted", "movielens-100k", "folder")


class Columns(Section):
    """Their names in a table, or from 1 their places where it has no line of names; without one,
    the column is told by the names that people use."""

    user: Name | None = None
    item: Name | None = None
    rating: Name | None = None
    time: Name | None = Field(None, description="a date, or a number that grows")
    split: Name | None = Field(None, description="train or test")


class Items(Section):
    """A table of the items' attributes, and the names of its columns."""

    path: SharedPath | None = None
    id: Name | None = None
    title: Name | None = None
    artist: Name | None = None
    album: Name | None = None
    genres: Name | None = None
    separator: str = Field("|", min_length=1, description="between the genres of an item")


class Raw(Section):
    """Where the raw ratings come from; see docs/data.md."""

    source: Literal[
        "planted",
        "movielens-100k",
        "folder",
        "auto",
        "table",
        "movielens",
        "yahoo-r1",
        "yahoo-r3",
        "netflix-prize",
    ] = Field("planted", description="auto: by the names of the files at the path")
    folder: SharedPath = Field(
        locations.of("build/demo/raw"), description="R2's files: there, or made by planted"
    )
    path: SharedPath | None = Field(
        None, description="a file, folder or archive, of all sources from auto on"
    )
    format: Literal["text", "json", "parquet", "delta"] | None = Field(
        None, description="of a table; without it, by the names of its files"
    )
    separator: str | None = Field(
        None, min_length=1, max_length=2, description="between the columns of text"
    )
    header: bool | None = Field(None, description="whether text begins with a line of names")
    columns: Columns = Columns()
    items: Items = Items()
    forgotten: SharedPath | None = Field(
        None, description="a file of users' own ids, one a line, of whom no row is taken"
    )

    @property
    def place(self) -> Location:
        """The path or the folder, whichever the source is read from."""
        return self.folder if self.source in _FOLDERS or self.path is None else self.path

    @model_validator(mode="after")
    def _somewhere(self) -> "Raw":
        if (self.path is None) != (self.source in _FOLDERS):
            wanted = "no raw.path; it reads raw.folder" if self.path else "a raw.path"
            raise ValueError(f"raw.source {self.source}: expected {wanted}")
        return self


class Split(Section):
    """Which rows are held out for the test; planted files and R2's say so themselves."""

    by: Literal["files", "hash", "time"] | None = Field(
        None,
        description="as the data say, or by a seeded hash, or each user's latest; without it, as "
        "the data say where they do, or else by the hash",
    )
    test_ratings: int | None = Field(
        10, ge=1, description="rows of a user at most, by hash or time; null: no limit"
    )
    test_share: float = Field(
        0.5, gt=0, le=0.5, description="of a user's rows at most, but one of any two"
    )
    test_from: datetime | int | None = Field(
        None, description="with time: all rows from here on instead; a date, or a number of theirs"
    )

    @model_validator(mode="after")
    def _from_a_time(self) -> "Split":
        if self.test_from is not None and self.by != "time":
            raise ValueError("test_from: expected by: time with it")
        return self

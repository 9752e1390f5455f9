"""What the source of the ratings calls its users and songs, beside the numbers of the tables."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession

from ymr_spark import ids, schemas
from ymr_spark.errors import SettingsError
from ymr_spark.pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Side:
    """The own ids of users, or of songs.

    Where their table has no row, or is not there, the numbers are the own ids.
    """

    warehouse: Warehouse
    name: Literal["user", "song"]

    @property
    def table(self) -> str:
        """The table's name."""
        return f"{self.name}_ids"

    @property
    def key(self) -> str:
        """The column of the numbers."""
        return f"{self.name}_id"

    @cached_property
    def given(self) -> bool:
        """Whether there are others than the numbers."""
        if self.warehouse.version(self.table) is None:
            return False
        self.warehouse.require(self.table)
        return any(file.rows for file in self.warehouse.extents(self.table, self.key))

    def numbers(self, own: Sequence[str], place: Callable[[int], str]) -> list[int]:
        """The numbers of own ids, in their order.

        Args:
            place: of the own id at a position, for the message on one that is none.

        Raises:
            SettingsError: the table has no such id; without own ids, it is no number.
        """
        if not self.given:
            return [_number(word, place, i) for i, word in enumerate(own)]
        wanted = pa.array(own, pa.string())
        rows = self.warehouse.load(self.table, ds.field("id").isin(wanted))
        position = pc.index_in(wanted, value_set=rows["id"].combine_chunks())
        if position.null_count:
            i = pc.index(position.is_null(), pa.scalar(True)).as_py()
            raise SettingsError(
                f"{place(i)}: no {self.name} has the id {ids.shown(own[i])}; see the table "
                f"{self.warehouse.path(self.table)}"
            )
        found: list[int] = rows[self.key].take(position).to_numpy().tolist()
        return found

    def rows(self, numbers: Collection[int]) -> list[dict[str, Any]]:
        """The table's rows of these numbers."""
        if not self.given or not numbers:
            return []
        wanted = ds.field(self.key).isin(sorted({*numbers}))
        found: list[dict[str, Any]] = self.warehouse.load(self.table, wanted).to_pylist()
        return found

    def frame(self, spark: SparkSession) -> DataFrame:
        """All rows of the table."""
        if not self.given:
            return spark.createDataFrame([], schemas.TABLES[self.table])
        return self.warehouse.read(spark, self.table)


@dataclass(frozen=True)
class OwnIds:
    """The own ids of users and of songs; what is asked for is all that is read."""

    users: Side
    songs: Side

    @classmethod
    def of(cls, warehouse: Warehouse) -> "OwnIds":
        """Those of its tables."""
        return cls(Side(warehouse, "user"), Side(warehouse, "song"))

    @property
    def given(self) -> bool:
        """Whether users or songs have others than the numbers."""
        return self.users.given or self.songs.given


def _number(word: str, place: Callable[[int], str], position: int) -> int:
    try:
        return ids.parse(word)
    except ValueError as e:
        raise SettingsError(f"{place(position)}: {e}") from e

"""Every Delta read and write: logical name -> path, schema checked, version pinned.

`read` and `write` are for frames, which Spark works on. `load` and `save` are for rows that this
process holds anyway, where a Spark job would be nearly all of the time.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from ymr_spark import schemas
from ymr_spark.errors import DataContractError
from ymr_spark.pipeline import stages, table_schemas
from ymr_spark.pipeline.resources import Resources
from ymr_spark.pipeline.table_schemas import arrow_schema
from ymr_spark.ratings import noted_scale
from ymr_spark.records.record import Record
from ymr_spark.scale import Scale
from ymr_spark.store import delta_log, locations, lock, parquet
from ymr_spark.store.delta_log import Extent
from ymr_spark.store.locations import Location
from ymr_spark.store.parquet import Kernel

log = logging.getLogger(__name__)


class Warehouse(Resources):
    """The resources of all stages, tables as rows.

    A table is read at the version it had when this object first read it, so that all of a
    job's reads agree whatever is written meanwhile.
    """

    def __init__(
        self,
        root: Location,
        raw: Location | None = None,
        items: Location | None = None,
        forgotten: Location | None = None,
    ) -> None:
        super().__init__(root, raw, items, forgotten)
        self._pinned: dict[str, int] = {}
        self._run_id: str | None = None

    def of_run(self, run_id: str) -> Self:
        """This warehouse for a run, which must hold its lock whenever it commits."""
        self._run_id = run_id
        return self

    def anew(self) -> Self:
        """The same with all that is in it, for the same run; no table read yet."""
        whole = super().anew()
        whole._run_id = self._run_id
        return whole

    def require(self, resource: str) -> None:
        """Raise DataContractError, with the job to run, where the resource is missing."""
        path = self.path(resource)
        if self.state(resource) is None:
            way_out = f"run {stages.maker(resource)} first"
            if resource == "raw/":
                way_out = "give R2's files by raw.folder=DIR, or others by raw.path"
            raise DataContractError(f"{path}: not there or empty; {way_out}")
        if gone := self.missing(resource):
            raise DataContractError(
                f"{gone[0]}: a data file of table {resource} is not there; put it back, or "
                f"{_again(resource)}"
            )

    def missing(self, resource: str) -> list[Location]:
        """Data files of a table's newest version that are not there; none of other resources."""
        if self.path(resource).parent != self.root / "tables":
            return []
        there = locations.files(self.path(resource))
        return [path for path in self.anew().files(resource) if path not in there]

    def read(self, spark: SparkSession, table: str, since: int | None = None) -> DataFrame:
        """The table at its pinned version.

        Args:
            since: only the rows of data files that are not of that version.

        Raises:
            DataContractError: there is no such table or its columns are not the schema's.
        """
        self.require(table)
        delta = self._delta(table)
        columns = table_schemas.of_delta(delta)
        table_schemas.check(table, columns)
        files = delta_log.files(self.path(table), delta)
        if since is not None:
            before = {*delta_log.files(self.path(table), delta_log.opened(self.path(table), since))}
            files = [file for file in files if file not in before]
        if not files:
            return spark.createDataFrame([], columns)
        root = locations.for_spark(self.path(table))
        reader = spark.read.schema(columns).option("basePath", root)
        return reader.parquet(*map(locations.for_spark, files)).select(columns.fieldNames())

    def load(self, table: str, where: pc.Expression | None = None) -> pa.Table:
        """The rows of the table at its pinned version; raises as `read`."""
        self.require(table)
        delta = self._delta(table)
        table_schemas.check(table, table_schemas.of_delta(delta))
        columns = arrow_schema(table)
        files = delta_log.files(self.path(table), delta)
        if not files:
            return columns.empty_table()
        rows = parquet.dataset([*map(str, files)], str(self.path(table)))
        return rows.to_table(columns.names, filter=where).cast(columns)

    def scale(self) -> Scale:
        """The scale of the ratings at the pinned version, from the log of their table.

        Raises:
            DataContractError: there is no such table, or it is without a scale.
        """
        self.require("ratings")
        scale = noted_scale(table_schemas.of_delta(self._delta("ratings"))["rating"].metadata)
        if scale is None:
            raise DataContractError(
                f"{self.path('ratings')}: the column rating has no scale; {_again('ratings')}"
            )
        return scale

    def files(self, table: str) -> list[Location]:
        """The data files of the table at its pinned version, in the order of their names."""
        return delta_log.files(self.path(table), self._delta(table))

    def extents(self, table: str, column: str) -> list[Extent]:
        """The same with what the log says of their rows and a column's values; where it says
        nothing, there may be any."""
        return delta_log.extents(self.path(table), self._delta(table), column)

    def _delta(self, table: str) -> DeltaTable:
        path, version = self.path(table), self.pin(table)
        try:
            delta = delta_log.opened(path, version)
        except DeltaError as e:
            raise DataContractError(
                f"{path}: version {version} of its Delta log cannot be read "
                f"({str(e).splitlines()[0]}); move the folder away and {_again(table)}"
            ) from e
        # Rows are read out of the files, some of which may be deleted or otherwise named there.
        if (needed := delta.protocol().min_reader_version) > 1:
            raise DataContractError(
                f"{path}: reader version {needed}, for deletion vectors or mapped columns perhaps, "
                f"expected 1; move the folder away and {_again(table)}"
            )
        return delta

    def pin(self, table: str) -> int:
        """The version at which this object reads the table."""
        if table not in self._pinned:
            newest = self.version(table)
            if newest is None:
                self.require(table)
            self._pinned[table] = int(newest or 0)
        return self._pinned[table]

    def rows_version(self, table: str) -> int:
        """The version since which the rows are those of the pinned one, which may have others'
        files only."""
        commit = delta_log.changed(self.path(table), self.pin(table))
        return int(commit.stem) if commit else 0

    def write(
        self,
        frame: DataFrame,
        table: str,
        where: dict[str, str] | None = None,
        *,
        append: bool = False,
    ) -> int:
        """Replace the table, or only the partition `where` names; return the new version.

        Args:
            append: to the rows that are there.

        One Delta commit: a reader sees all of the old rows or all of the new ones. A table that
        is replaced whole takes the frame's columns with their metadata; one whose columns are
        those of another version of this library always is.
        """
        frame = frame.select(*schemas.TABLES[table].fieldNames())
        table_schemas.check(table, frame.schema)
        written = frame.mapInArrow(self.writer(table), parquet.WRITTEN)
        return self.commit(written, table, frame.schema, where, append=append)

    def writer(self, table: str, kernel: Kernel = iter) -> Kernel:
        """What writes that which the kernel makes of batches into the folder of a table, whose
        columns it has: WRITTEN rows, which `commit` makes data files of the table.

        Rows stay in their order and, but for partitions, in one file.
        """
        partitions = schemas.PARTITIONS.get(table, ())
        return parquet.writer(str(self.path(table)), arrow_schema(table), partitions, kernel)

    def save(
        self,
        rows: pa.Table | Iterable[Mapping[str, Any] | Record],
        table: str,
        where: dict[str, str] | None = None,
    ) -> int:
        """As `write`, for rows of this process."""
        if not isinstance(rows, pa.Table):
            dicts = [row.model_dump() if isinstance(row, Record) else row for row in rows]
            rows = pa.Table.from_pylist(dicts, arrow_schema(table))
        path, replaced = self.path(table), self._part(table, where)
        path.mkdir(parents=True, exist_ok=True)
        self.require_lock()
        write_deltalake(
            locations.for_delta(path),
            rows.select(schemas.TABLES[table].fieldNames()).cast(arrow_schema(table)),
            mode="overwrite",
            schema_mode=None if replaced else "overwrite",
            partition_by=[*schemas.PARTITIONS.get(table, ())],
            predicate=replaced,
            commit_properties=delta_log.ALONE,
        )
        self._pinned.pop(table, None)
        return self.pin(table)

    def commit(
        self,
        written: DataFrame,
        table: str,
        columns: StructType | None = None,
        where: dict[str, str] | None = None,
        *,
        append: bool = False,
    ) -> int:
        """As `write`, by WRITTEN rows of data files that are in the table's folder.

        Args:
            columns: with metadata to keep.
            append: to the rows that are there.
        """
        part = where if self._part(table, where) else None
        rows = written.toArrow()
        self.require_lock()
        delta_log.commit(
            self.path(table),
            rows,
            _delta_schema(table, columns),
            schemas.PARTITIONS.get(table, ()),
            part,
            append=append,
        )
        self._pinned.pop(table, None)
        return self.pin(table)

    def require_lock(self) -> None:
        """Raise WarehouseLocked where another run has taken the lease of the one that this is
        for."""
        if self._run_id is not None:
            lock.require_lease(self.root, self._run_id)

    def _part(self, table: str, where: Mapping[str, str] | None) -> str | None:
        """What of the table to replace, as SQL; None for all of it."""
        if where is None or self.version(table) is None:
            return None
        newest = self.anew()._delta(table)
        if not table_schemas.is_of(table, table_schemas.of_delta(newest)):
            log.warning("%s: its rows are of another version; all are replaced", self.path(table))
            return None
        return " AND ".join(f"{column} = '{value}'" for column, value in where.items())


def _delta_schema(table: str, noted: StructType | None) -> Schema:
    columns = schemas.TABLES[table]
    if noted is not None:
        kept = [StructField(c.name, c.dataType, True, noted[c.name].metadata) for c in columns]
        columns = StructType(kept)
    return Schema.from_json(columns.json())


def _again(table: str) -> str:
    return "run " + " or ".join(stage.command for stage in stages.writers(table)) + " again"

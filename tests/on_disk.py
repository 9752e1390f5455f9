"""A warehouse that is known to lie on a disk, whose paths are of `pathlib`."""

from pathlib import Path

from ymr_spark.pipeline import warehouse


class Warehouse(warehouse.Warehouse):
    root: Path
    raw: Path

    def path(self, resource: str) -> Path:
        found = super().path(resource)
        assert isinstance(found, Path)
        return found

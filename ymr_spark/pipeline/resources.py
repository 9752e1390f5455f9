"""Where everything that stages read and write lies, and whether it has changed."""

from collections.abc import Iterable
from typing import Self

from ymr_spark import sources
from ymr_spark.store import delta_log, locations
from ymr_spark.store.file_states import digest, state_of
from ymr_spark.store.locations import Location


class Resources:
    """The tables and files below one folder that driver and executors share."""

    def __init__(
        self,
        root: Location,
        raw: Location | None = None,
        items: Location | None = None,
        forgotten: Location | None = None,
    ) -> None:
        """
        Args:
            raw: the raw ratings, a folder or a file.
            items: attributes that lie elsewhere.
            forgotten: a file of users whose rows are not taken.
        """
        # Executors have working folders of their own.
        self.root = root.absolute()
        self.raw = raw.absolute() if raw is not None else self.root / "raw"
        self.items = items.absolute() if items is not None else None
        self.forgotten = forgotten.absolute() if forgotten is not None else None
        self._only: tuple[str, ...] | None = None

    def anew(self) -> Self:
        """The same with all that is in it."""
        return type(self)(self.root, self.raw, self.items, self.forgotten)

    def only(self, resources: Iterable[str]) -> Self:
        """The same with no more in it than these resources, and what is below a folder."""
        left = self.anew()
        left._only = tuple(resources)
        return left

    def path(self, resource: str) -> Location:
        """Where a resource of `stages.STAGES` lives.

        Raises:
            LookupError: `only` has left it out.
        """
        if self._only is not None and not any(_within(resource, r) for r in self._only):
            raise LookupError(f"{resource}: this stage's entry in stages.STAGES does not name it")
        if resource == "raw/":
            return self.raw
        is_file = resource.endswith("/") or "." in resource
        return self.root / resource if is_file else self.root / "tables" / resource

    def version(self, table: str) -> int | None:
        """The newest committed Delta version, None where there is no table."""
        commits = delta_log.commits(self.path(table))
        return int(commits[-1].stem) if commits else None

    def state(self, resource: str) -> str | None:
        """What changes whenever the resource's content does; None where it does not exist."""
        path = self.path(resource)
        if resource == "raw/":
            return self._raw_state()
        if path.parent != self.root / "tables":
            return state_of(path, locations.files(path))
        commit = delta_log.changed(path)
        return f"v{int(commit.stem)}-{digest(commit.read_bytes())}" if commit else None

    def _raw_state(self) -> str | None:
        states = [
            state_of(
                path if path.is_dir() else path.parent,
                {file: locations.stamp(file) for file in sources.files_of(path)},
            )
            for path in (self.raw, self.items, self.forgotten)
            if path is not None
        ]
        return None if None in states else "-".join(map(str, states))


def _within(resource: str, other: str) -> bool:
    return resource == other or (other.endswith("/") and resource.startswith(other))

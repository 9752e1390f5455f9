"""A file or folder of an object store or of HDFS, with what `pathlib.Path` has of one on a disk."""

import errno
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.store import default_hdfs

# The package that reads a scheme, and what of the library's extras has it.
_SCHEMES = {
    "s3a": ("s3fs", "s3"),
    "hdfs": ("hdfs-native", "hdfs"),
    "gs": ("gcsfs", ""),
    "abfss": ("adlfs", ""),
}
SCHEMES = ("s3", *_SCHEMES)
# As Spark calls it.
_SAME = {"s3": "s3a"}
# What a store calls that which another content of a file changes.
_VERSIONS = ("ETag", "etag", "modification_time", "mtime", "LastModified")
_BLOCK_BYTES = 8 * 2**20


@dataclass(frozen=True, order=True)
class Remote:
    """SCHEME://AUTHORITY/KEY; folders are there as long as something is in them."""

    scheme: str
    authority: str  # a bucket, or host:port
    key: str  # without / at its ends

    @classmethod
    def of(cls, uri: str) -> "Remote":
        """Raise ValueError where the scheme is unknown or nothing is named by the rest."""
        scheme, _, rest = uri.partition("://")
        authority, _, key = rest.partition("/")
        scheme = _SAME.get(scheme, scheme)
        if scheme not in _SCHEMES:
            raise ValueError(f"expected a path or one of {'://, '.join(SCHEMES)}://")
        if not authority and scheme == "hdfs":
            authority = default_hdfs.authority()
        if not authority:
            raise ValueError(f"expected {scheme}://BUCKET/FOLDER")
        if "@" in authority and scheme != "abfss":
            raise ValueError("expected no user or password; credentials come from the environment")
        return cls(scheme, authority, "/".join(name for name in key.split("/") if name))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}/{self.key}"

    def __truediv__(self, name: object) -> "Remote":
        return Remote(self.scheme, self.authority, f"{self.key}/{name}".strip("/"))

    @property
    def name(self) -> str:
        """Without what it is in."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """The last of the name's."""
        return self._pure.suffix

    @property
    def suffixes(self) -> list[str]:
        """All of the name's."""
        return self._pure.suffixes

    @property
    def parent(self) -> "Remote":
        """What it is in; of the whole store, itself."""
        return Remote(self.scheme, self.authority, "/".join(self.key.split("/")[:-1]))

    def absolute(self) -> "Remote":
        """Itself."""
        return self

    def relative_to(self, other: "Remote") -> PurePosixPath:
        """Raise ValueError where it is not in the other."""
        if (self.scheme, self.authority) != (other.scheme, other.authority):
            raise ValueError(f"{self} is not in {other}")
        return self._pure.relative_to(other._pure)

    def exists(self) -> bool:
        """Whether a file or a folder is there."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether a file is there."""
        try:
            return bool(self._files.info(self._path)["type"] == "file")
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Whether a folder is there, which has a file in it or below it."""
        if self.is_file():
            return False
        found = self._files.walk(self._path, on_error="raise")
        try:
            return any(name for _, _, files in found for name in files)
        except FileNotFoundError:
            return False

    def iterdir(self) -> Iterator["Remote"]:
        """What is in the folder; raises FileNotFoundError where there is none."""
        return (self._at(path) for path in self._files.ls(self._path, detail=False))

    def glob(self, pattern: str) -> Iterator["Remote"]:
        """What is below the folder and matches, ascending; nothing where there is no folder."""
        return map(self._at, sorted(self._files.glob((self / pattern)._path)))

    def files(self) -> dict["Remote", tuple[int, str]]:
        """Each file below the folder, or the file itself, with its bytes and what changes with
        its content; one listing."""
        if self.is_file():
            return {self: self.stamp()}
        found: Mapping[str, Any] = self._files.find(self._path, detail=True)
        # Hadoop marks empty folders by files whose names end so.
        whole = [path for path in sorted(found) if not path.endswith("/")]
        return {
            self._at(path): _stamp(found[path]) for path in whole if found[path]["type"] == "file"
        }

    def stamp(self) -> tuple[int, str]:
        """The same of a file; raises FileNotFoundError where there is none."""
        return _stamp(self._files.info(self._path))

    def modified(self) -> float:
        """When the file was written, in seconds since the epoch."""
        return float(self._files.modified(self._path).timestamp())

    def open(self, mode: str = "rb") -> IO[bytes]:
        """For reading from any place in it, or for writing from its beginning to its end."""
        options = {} if self.scheme == "hdfs" else {"block_size": _BLOCK_BYTES}
        return cast(IO[bytes], self._files.open(self._path, mode, **options))

    def bring(self, path: Path) -> None:
        """Copy the file to a path of this machine."""
        self._files.get_file(self._path, str(path))

    def take(self, path: Path) -> None:
        """Copy a file of this machine here."""
        self._files.put_file(str(path), self._path)

    def read_bytes(self) -> bytes:
        """The whole file."""
        return bytes(self._files.cat_file(self._path))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole file."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> int:
        """Write the file, for readers whole or not at all."""
        if self.scheme == "hdfs":
            partial = self.parent / f".{self.name}.{uuid.uuid4().hex}"
            self._files.pipe_file(partial._path, content)
            self._files.mv(partial._path, self._path, overwrite=True)
        else:
            self._files.pipe_file(self._path, content)
        return len(content)

    def create(self, content: bytes) -> None:
        """Write the file; raise FileExistsError where it is there."""
        if self.scheme == "hdfs":
            with self._files.open(self._path, "wb", overwrite=False) as file:
                file.write(content)
            return
        try:
            self._files.pipe_file(self._path, content, mode="create")
        except OSError as e:
            if isinstance(e, FileExistsError) or self.is_file():
                raise FileExistsError(str(self)) from e
            raise

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: what is written into a folder makes it."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file; raises FileNotFoundError where there is none."""
        if self.is_file():  # object stores do not say
            self._files.rm_file(self._path)
        elif not missing_ok:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(self))

    def rmtree(self) -> None:
        """Remove all that is below the folder, if there is any."""
        if self.exists():
            self._files.rm(self._path, recursive=True)

    def move(self, target: "Remote") -> None:
        """Make the folder that one, which is not there."""
        if self.scheme == "hdfs":
            self._files.mv(self._path, target._path)
            return
        self._files.copy(f"{self._path}/", f"{target._path}/", recursive=True)
        self.rmtree()

    @property
    def arrow(self) -> tuple[Any, str]:
        """A file system for pyarrow, and the path there."""
        from pyarrow.fs import FSSpecHandler, PyFileSystem

        handler: Any = FSSpecHandler
        return PyFileSystem(handler(self._files)), self._path

    @property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(f"/{self.key}")

    @property
    def _files(self) -> Any:
        return _file_system(self.scheme, self.authority)

    @property
    def _path(self) -> str:
        return f"/{self.key}" if self.scheme == "hdfs" else f"{self.authority}/{self.key}"

    def _at(self, path: str) -> "Remote":
        key = path if self.scheme == "hdfs" else path.partition("/")[2]
        return Remote(self.scheme, self.authority, key.strip("/"))


def _stamp(info: Mapping[str, Any]) -> tuple[int, str]:
    version = next(str(info[name]) for name in _VERSIONS if info.get(name) is not None)
    return int(info["size"]), version


@cache
def _file_system(scheme: str, authority: str) -> Any:
    package, extra = _SCHEMES[scheme]
    try:
        import fsspec

        if scheme == "hdfs":
            from hdfs_native.fsspec import HdfsFileSystem

            host, _, port = authority.partition(":")
            return HdfsFileSystem(host, int(port) if port else None)
        # What others write is to be seen at once.
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as e:
        wanted = f"'ymr_spark[{extra}]'" if extra else package
        raise EnvironmentProblem(
            f"{scheme}://: needs the package {package}; pip install {wanted}"
        ) from e

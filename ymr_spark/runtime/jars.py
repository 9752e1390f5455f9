"""Puts the Delta JARs beside pyspark's own, those for s3a:// on request: `ymr setup [s3]`.

From then on every session of this environment has Delta, without network and without
--packages. Spark's own resolver fetches them, so that a company's mirror settings apply.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyspark

from ymr_spark import shipped
from ymr_spark.errors import EnvironmentProblem, YmrError
from ymr_spark.store import atomically

_SPARK = Path(pyspark.__file__).parent
_SPARK_JARS = _SPARK / "jars"
# Of sets that not every session wants: Spark loads all that is beside its own.
APART = Path(sys.prefix) / "jars"


@dataclass(frozen=True)
class JarSet:
    """JARs that are fetched together.

    Args:
        listed: a file of lines `sha256  file name`, one for each JAR that the folder is to have.
        folder: where they are put.
        coordinates: of Maven, whose JARs and all that these need are resolved,
        excluded: but for these patterns `group:artifact`.
    """

    listed: Path
    folder: Path
    coordinates: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    @property
    def packages(self) -> str:
        """For spark-submit's --packages."""
        return ",".join(self.coordinates)

    @property
    def class_path(self) -> str:
        """For spark.driver.extraClassPath and spark.executor.extraClassPath, or `java -cp`."""
        return str(self.folder / "*")

    def expected(self) -> dict[str, str]:
        """{file name: sha256} of the JARs that the project was tested with."""
        lines = [line.split() for line in self.listed.read_text().splitlines()]
        return {name: digest for digest, name in lines}


DELTA = JarSet(
    shipped.CONF / "delta-jars.sha256", _SPARK_JARS, ("io.delta:delta-spark_2.13:4.0.1",)
)
_AWS = "software.amazon.awssdk"
S3 = JarSet(
    shipped.CONF / "s3-jars.sha256",
    APART / "s3",
    # Instead of the SDK's bundle, 558 MB; of its clients hadoop-aws takes this one.
    (
        "org.apache.hadoop:hadoop-aws:3.4.1",
        *(f"{_AWS}:{name}:2.57.8" for name in ("s3", "s3-transfer-manager", "sts")),
        f"{_AWS}:apache-client:2.57.8",
    ),
    # Spark has the others, and would get these versions instead of its own.
    (
        *(f"{_AWS}:bundle", f"{_AWS}:apache5-client", "org.wildfly.openssl:*"),
        *("io.netty:*", "org.slf4j:*", "commons-codec:*", "commons-logging:*"),
        "org.apache.httpcomponents:*",
    ),
)
_SETS = {"delta": DELTA, "s3": S3}


def install(jars: JarSet) -> list[str]:
    """Resolve what the set's folder lacks; return the names of the JARs added.

    Raises:
        EnvironmentProblem: a JAR cannot be had or is not the expected one.
    """
    expected = jars.expected()
    wrong = [name for name, digest in expected.items() if _sha256(jars.folder / name) != digest]
    if wrong:
        with tempfile.TemporaryDirectory() as folder:
            _resolve(jars, Path(folder))
            found = {_sha256(path): path for path in Path(folder, "jars").glob("*.jar")}
            for name in wrong:
                _put(found.get(expected[name]), jars.folder / name, expected[name])
    if jars.folder != _SPARK_JARS:
        for path in jars.folder.glob("*.jar"):
            if path.name not in expected:  # of an older list
                path.unlink()
    return wrong


def _put(found: Path | None, path: Path, digest: str) -> None:
    if found is None:
        raise EnvironmentProblem(
            f"{path.name}: not resolved, or its sha256 is not the expected {digest}; "
            f"put the right file into {path.parent} by hand"
        )
    try:
        atomically.write(path, found.read_bytes())
    except OSError as e:
        raise EnvironmentProblem(
            f"{path}: cannot be written ({e.strerror}); run it as a user who may write there, or "
            "install the library into an environment of your own"
        ) from e


def _resolve(jars: JarSet, folder: Path) -> None:
    script = folder / "nothing.py"
    script.write_text("")
    command = [str(_SPARK / "bin" / "spark-submit"), "--packages", jars.packages]
    command += ["--exclude-packages", ",".join(jars.excluded)] if jars.excluded else []
    command += ["--conf", f"spark.jars.ivy={folder}", str(script)]
    environ = os.environ | {"SPARK_HOME": str(_SPARK), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentProblem(
            f"{jars.packages} could not be resolved; check the network, or put the files named in "
            f"{jars.listed} into {jars.folder}. Spark said:\n{done.stderr[-2000:]}"
        )


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("set", nargs="?", choices=_SETS, default="delta")
    name = arguments.parse_args(argv).set
    jars = _SETS[name]
    try:
        added = install(jars)
    except YmrError as e:
        print(e, file=sys.stderr)
        return e.exit_code
    print(f"{name} JARs in {jars.folder}, {len(added)} of them new")
    if jars.folder != _SPARK_JARS:
        for end in ("driver", "executor"):
            print(f"spark.{end}.extraClassPath {jars.class_path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

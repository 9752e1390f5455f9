"""Puts the Delta JARs beside pyspark's own, once, checked: `ymr setup`.

From then on every session of this environment has Delta, without network and without
--packages. Spark's own resolver fetches them, so that a company's mirror settings apply.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from ymr_spark import shipped
from ymr_spark.errors import EnvironmentProblem, YmrError

COORDINATE = "io.delta:delta-spark_2.13:4.0.1"
_SHA256 = shipped.CONF / "delta-jars.sha256"
_SPARK = Path(pyspark.__file__).parent


def install(expected: dict[str, str], jars: Path) -> list[str]:
    """Resolve what `jars` lacks of the expected {file name: sha256}; return the names added.

    Raises:
        EnvironmentProblem: a JAR cannot be had or is not the expected one.
    """
    wrong = [name for name, digest in expected.items() if _sha256(jars / name) != digest]
    if not wrong:
        return []
    with tempfile.TemporaryDirectory() as folder:
        _resolve(Path(folder))
        found = {path.name: path for path in Path(folder).rglob("*.jar")}
        for name in wrong:
            path = next((p for n, p in found.items() if n.endswith(name)), None)
            if path is None or _sha256(path) != expected[name]:
                raise EnvironmentProblem(
                    f"{name}: not resolved, or its sha256 is not the expected {expected[name]}; "
                    f"put the right file into {jars} by hand"
                )
            shutil.copyfile(path, jars / name)
    return wrong


def expected_jars() -> dict[str, str]:
    """{file name: sha256} of the JARs that the project was tested with."""
    lines = [line.split() for line in _SHA256.read_text().splitlines()]
    return {name: digest for digest, name in lines}


def _resolve(folder: Path) -> None:
    script = folder / "nothing.py"
    script.write_text("")
    command = [str(_SPARK / "bin" / "spark-submit"), "--packages", COORDINATE]
    command += ["--conf", f"spark.jars.ivy={folder}", str(script)]
    environ = os.environ | {"SPARK_HOME": str(_SPARK), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentProblem(
            f"{COORDINATE} could not be resolved; check the network, or put the files named in "
            f"{_SHA256} into {_SPARK / 'jars'}. Spark said:\n{done.stderr[-2000:]}"
        )


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def main() -> int:
    """The command line; returns the exit code."""
    try:
        added = install(expected_jars(), _SPARK / "jars")
    except YmrError as e:
        print(e, file=sys.stderr)
        return e.exit_code
    print(f"Delta JARs: {', '.join(added) or 'in place'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

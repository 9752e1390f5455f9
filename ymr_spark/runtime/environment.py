"""What the machine must have, said in plain words: `ymr doctor`; what a warehouse has, by its name.

Only the standard library is used, so that it can report on an installation that is broken; for a
warehouse the library has to be whole.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from ymr_spark.errors import EnvironmentProblem

JAVA_VERSIONS = (17, 21)
_JAVA_WAY_OUT = "install openjdk-17-jre-headless (as root: apt-get install) or set JAVA_HOME"
_PACKAGES_WAY_OUT = "run `make setup`, or pip install the library's wheel again"
JARS_WAY_OUT = "run `make setup` or `ymr setup`, or give spark-submit --packages"
# Set where spark-submit, or `session.shared_jvm`, started the JVM.
GATEWAY = "PYSPARK_GATEWAY_PORT"
# By these a machine's other Spark would be taken for the library's own, by plain `python`.
OF_ANOTHER_SPARK = (
    *("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_DIST_CLASSPATH"),
    *("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"),
)
OF_SPARK_CONNECT = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
_FOR_EACH_JVM = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "PYSPARK_SUBMIT_ARGS")
_HADOOP = ("HADOOP_CONF_DIR", "YARN_CONF_DIR")
_SPARK_VERSION = "4.0"
_DELTA_JARS = ("delta-spark_2.13-4.0.1.jar", "delta-storage-4.0.1.jar")
_NEEDED_GIB = {"memory": 4, "disk": 8}


def require_spark() -> None:
    """Raise EnvironmentProblem where Spark would not start, or is not the library's."""
    for problem in (spark_problem(), user_problem(), java_problem()):
        if problem:
            raise EnvironmentProblem(problem)


def spark_problem() -> str | None:
    """Another pyspark than the library's: of spark-submit, or on PYTHONPATH."""
    try:
        pyspark = import_module("pyspark")
    except ImportError as e:
        return f"pyspark: cannot be imported ({e}); {_PACKAGES_WAY_OUT}"
    found = f"pyspark {pyspark.__version__} in {Path(str(pyspark.__file__)).parent}"
    if GATEWAY in os.environ:
        way_out = "submit by one of that version, such as .venv/bin's, with SPARK_HOME unset"
    else:
        way_out = "unset PYTHONPATH, which puts it before the library's own"
    if pyspark.__version__.split(".")[:2] != _SPARK_VERSION.split("."):
        return f"Spark: {found}, the library needs Spark {_SPARK_VERSION}; {way_out}"
    own = _installed_pyspark()
    if GATEWAY in os.environ or own is None or own.samefile(Path(str(pyspark.__file__)).parent):
        return None
    return f"Spark: {found}, installed is {own}; {way_out}"


def _installed_pyspark() -> Path | None:
    try:
        return Path(str(metadata.distribution("pyspark").locate_file("pyspark")))
    except metadata.PackageNotFoundError:
        return None


def user_problem() -> str | None:
    """Hadoop's login asks the system for the user's name, and for nothing else."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return (
            f"user: the id {os.getuid()} has no name, which Spark's JVM needs; add a line "
            f"ymr:x:{os.getuid()}:{os.getgid()}::/tmp:/bin/sh to /etc/passwd, or run as a user "
            "with a name"
        )
    return None


def java_problem() -> str | None:
    """A Java that is missing, does not run, or is of a version that Spark does not take."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        where = f"under JAVA_HOME={home}" if home else "on PATH"
        return f"Java: none {where}; {_JAVA_WAY_OUT}"
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as e:
        said = (e.stderr + e.stdout).strip() or e
        return f"Java: {java} does not run ({said}); {_options_way_out() or _JAVA_WAY_OUT}"
    except OSError as e:
        return f"Java: {java} does not run ({e}); {_JAVA_WAY_OUT}"
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if found is None or int(found[1]) not in JAVA_VERSIONS:
        version = found[1] if found else "of unknown version"
        return f"Java: {java} is {version}, Spark 4.0 runs on 17 or 21; {_JAVA_WAY_OUT}"
    return None


def _options_way_out() -> str:
    given = [f"{name}={os.environ[name]}" for name in _FOR_EACH_JVM if name in os.environ]
    return f"mend or unset {', '.join(given)}" if given else ""


def python_problem() -> str | None:
    """Another Python than 3.11."""
    if sys.version_info[:2] == (3, 11):
        return None
    return f"Python: {sys.version.split()[0]} found, 3.11 expected; make .venv again with 3.11"


def packages_problems() -> list[str]:
    """Missing packages, and versions that cannot work together."""
    problems = []
    version = {name: _version(name) for name in _PACKAGES}
    for name in [n for n, v in version.items() if v is None]:
        problems.append(f"{name}: not installed; {_PACKAGES_WAY_OUT}")
    if (version["pyarrow"] or (14,)) >= (15,) and version["petastorm"]:
        problems.append(
            "pyarrow: 15 or newer beside Petastorm, which needs an API that 15 removed; "
            f"{_PACKAGES_WAY_OUT}"
        )
    if (version["numpy"] or (1,)) >= (2,):
        problems.append(f"numpy: 2 or newer breaks pyarrow 14; {_PACKAGES_WAY_OUT}")
    legacy = os.environ.get("TF_USE_LEGACY_KERAS")
    if (version["keras"] or (2,)) >= (3,) and legacy not in (None, "1", "true", "True"):
        problems.append(
            f"Keras: 3 is installed and TF_USE_LEGACY_KERAS={legacy} switches tf-keras off, "
            "which TensorFlow Recommenders needs; unset it"
        )
    return problems


_PACKAGES = (
    "pyspark",
    "delta-spark",
    "petastorm",
    "pyarrow",
    "numpy",
    "pandas",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-recommenders",
    "setuptools",
    "implicit",
)


def _version(name: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(n) for n in re.findall(r"\d+", metadata.version(name))[:2])
    except metadata.PackageNotFoundError:
        return None


def jars_problem() -> str | None:
    """Delta JARs that are not beside Spark's own."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        return None
    jars = Path(spec.origin).parent / "jars"
    missing = [name for name in _DELTA_JARS if not (jars / name).exists()]
    if not missing:
        return None
    return f"Delta JARs: {', '.join(missing)} not in {jars}; {JARS_WAY_OUT}"


def resources_problems(folder: Path) -> list[str]:
    """Too little memory, or too little disk below `folder`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    existing = next(p for p in [folder.absolute(), *folder.absolute().parents] if p.exists())
    found = {"memory": memory, "disk": shutil.disk_usage(existing).free / 2**30}
    return [
        f"{what}: {found[what]:.1f} GiB, the demo needs {needed} GiB; free some"
        " or use another machine"
        for what, needed in _NEEDED_GIB.items()
        if found[what] < needed
    ]


def notes() -> list[str]:
    """What the environment has set that a reader of an error may have to know."""
    said = {
        "plain `python` does without it, spark-submit does not": OF_ANOTHER_SPARK,
        "jobs do without Spark Connect": OF_SPARK_CONNECT,
        "goes for each JVM that jobs start": _FOR_EACH_JVM,
        "its file system does not count, paths are those of this machine": _HADOOP,
    }
    return [
        f"{name}={os.environ[name]}: {meaning}"
        for meaning, names in said.items()
        for name in names
        if name in os.environ
    ]


def sizes(warehouse: str) -> list[str]:
    """How much is in a warehouse of what, the most first."""
    maintenance = import_module("ymr_spark.pipeline.maintenance")
    contents = maintenance.contents_of(warehouse)
    return [f"{maintenance.readable(size):>8}  {kind}" for kind, size in contents.items()]


def main() -> int:
    """Print what is wrong, with `--java` of Java only, and what is in a warehouse that is named;
    returns the exit code."""
    problems = [java_problem()]
    if "--java" not in sys.argv[1:]:
        problems += [user_problem(), python_problem(), spark_problem() or jars_problem()]
        problems += packages_problems() + resources_problems(Path("build"))
    found = [p for p in problems if p]
    for problem in found:
        print(f"✗ {problem}")
    if "--java" not in sys.argv[1:]:
        for note in notes():
            print(f"• {note}")
    if not found and "--java" not in sys.argv[1:]:
        print("✓ Python, Java, packages, Delta JARs, memory and disk are as they should be.")
        for warehouse in sys.argv[1:]:
            print(f"• {warehouse}:", *sizes(warehouse), sep="\n    ")
    return EnvironmentProblem.exit_code if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Each way of bringing library, packages and JARs to nodes that lack them."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
import raw_files
import wheels

from ymr_spark.runtime import cluster
from ymr_spark.runtime.jars import DELTA

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent
SPARK = Path(pyspark.__file__).parent
TRAIN = b"".join(b"%d\t%d\t%d\n" % (u, s, 1 + (u + s) % 5) for u in range(12) for s in range(20))
TEST = b"".join(b"%d\t%d\t3\n" % (u, s) for u in range(12) for s in range(30, 40))


@pytest.fixture(scope="module")
def bare_spark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Spark without the Delta JARs."""
    home = tmp_path_factory.mktemp("spark")
    (home / "jars").mkdir()
    for path in [*SPARK.iterdir(), *(SPARK / "jars").iterdir()]:
        mine = home / path.relative_to(SPARK)
        if not mine.exists() and path.name not in DELTA.expected():
            mine.symlink_to(path)
    return home


@pytest.fixture(scope="module")
def bare_cluster(bare_spark: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Submits to a cluster whose workers have neither the library on a path nor the JARs."""
    folder = tmp_path_factory.mktemp("bare")
    with pytest.MonkeyPatch.context() as patch:
        # Executors inherit it.
        patch.delenv("PYTHONPATH", raising=False)
        cluster.up(folder, workers=1, home=bare_spark)
    submit = [str(bare_spark / "bin" / "spark-submit")]
    submit += ["--properties-file", str(folder / "spark.conf")]
    submit += ["--conf", f"spark.pyspark.driver.python={sys.executable}"]
    yield submit
    cluster.down(folder)


@pytest.fixture(scope="module")
def python_of_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the locked packages, but without the library."""
    folder = tmp_path_factory.mktemp("packages")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # The editable library is in a .pth file there, which is not followed from here.
    (site / "packages.pth").write_text(str(Path(pyspark.__file__).parent.parent))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def archive(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make package` packs, but only with the packages that ingest's executors need."""
    return wheels.packed(tmp_path_factory.mktemp("archive"), wheel, "numpy", "pyarrow")


@pytest.fixture(scope="module")
def jars() -> str:
    return ",".join(str(SPARK / "jars" / name) for name in DELTA.expected())


@pytest.fixture
def mirror(tmp_path: Path) -> list[str]:
    """Options that resolve the JARs from a folder in Maven's layout, and from nowhere else."""
    for name in DELTA.expected():
        artifact, version = name.removesuffix(".jar").rsplit("-", 1)
        place = tmp_path / "mirror" / "io" / "delta" / artifact / version
        place.mkdir(parents=True)
        shutil.copyfile(SPARK / "jars" / name, place / name)
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        f"""<ivysettings>
          <settings defaultResolver="mirror"/>
          <resolvers>
            <ibiblio name="mirror" m2compatible="true" root="{(tmp_path / "mirror").as_uri()}/"/>
          </resolvers>
        </ivysettings>"""
    )
    packages = ["io.delta:delta-spark_2.13:4.0.1", "io.delta:delta-storage:4.0.1"]
    own = {"spark.jars.ivySettings": settings, "spark.jars.ivy": tmp_path / "ivy"}
    words = [word for key, value in own.items() for word in ("--conf", f"{key}={value}")]
    return ["--packages", ",".join(packages), *words]


def ingest(submit: list[str], folder: Path, *ways: str) -> subprocess.CompletedProcess[str]:
    raw = raw_files.write(folder / "raw", TRAIN, TEST)
    settings = [f"warehouse={folder / 'warehouse'}", f"raw.folder={raw}", "raw.source=folder"]
    words = [word for setting in settings for word in ("--set", setting)]
    command = [*submit, *ways, "jobs/ingest.py", "--conf", "conf/cluster.yaml", *words]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYSPARK", "SPARK"))}
    environ["SPARK_HOME"] = str(Path(submit[0]).parent.parent)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)


def assert_ingested(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout[-5000:]
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 12 * 30


def packed(archive: Path) -> list[str]:
    python = "spark.pyspark.python=environment/bin/python"
    return ["--archives", f"{archive}#environment", "--conf", python]


def test_the_nodes_lack_the_library(
    bare_cluster: list[str], python_of_packages: Path, jars: str, tmp_path: Path
) -> None:
    python = f"spark.pyspark.python={python_of_packages}"
    done = ingest(bare_cluster, tmp_path, "--jars", jars, "--conf", python)
    assert done.returncode == 1
    assert "No module named 'ymr_spark'" in done.stdout


def test_the_nodes_lack_the_jars(bare_cluster: list[str], archive: Path, tmp_path: Path) -> None:
    done = ingest(bare_cluster, tmp_path, *packed(archive))
    assert done.returncode == 4
    assert "--packages io.delta:" in done.stdout


def test_the_library_as_a_wheel_and_jars_from_a_folder(
    bare_cluster: list[str], python_of_packages: Path, wheel: Path, jars: str, tmp_path: Path
) -> None:
    python = f"spark.pyspark.python={python_of_packages}"
    library = shutil.copyfile(wheel, tmp_path / "ymr_spark.zip")
    ways = ("--py-files", str(library), "--jars", jars, "--conf", python)
    assert_ingested(ingest(bare_cluster, tmp_path, *ways))


def test_a_packed_environment_and_jars_by_coordinate(
    bare_cluster: list[str], archive: Path, tmp_path: Path
) -> None:
    ways = ("--packages", DELTA.packages, "--conf", f"spark.jars.ivy={tmp_path / 'ivy'}")
    assert_ingested(ingest(bare_cluster, tmp_path, *ways, *packed(archive)))


def test_jars_by_an_ivy_settings_file(
    bare_cluster: list[str], archive: Path, mirror: list[str], tmp_path: Path
) -> None:
    assert_ingested(ingest(bare_cluster, tmp_path, *mirror, *packed(archive)))

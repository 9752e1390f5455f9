"""Spark at s3a:// and hdfs://, on this machine and on YARN; what it wrote, Python reads."""

import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from deltalake import DeltaTable
from hdfs_native import Client

from servers import spark_tables
from servers.hadoop import Hadoop
from servers.s3 import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
ROOT = Path(__file__).parent.parent.parent
SPARK = Path(pyspark.__file__).parent
# Tables of a few rows are not worth compiling, nor many tasks.
LIGHT = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}
ON_YARN = {
    "spark.submit.deployMode": "cluster",
    "spark.yarn.jars": f"local:{SPARK}/jars/*",
    "spark.yarn.maxAppAttempts": "1",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.executor.instances": "1",
}
MASTERS: dict[str, dict[str, str]] = {"local[2]": {}, "yarn": ON_YARN}


def properties(master: str, environ: dict[str, str], class_path: str) -> str:
    found = LIGHT | MASTERS[master] | {"spark.master": master}
    found["spark.pyspark.python"] = sys.executable
    for end in ("driver", "executor"):
        found[f"spark.{end}.extraClassPath"] = class_path
    for name, value in environ.items():
        found |= {f"spark.{end}.{name}": value for end in ("yarn.appMasterEnv", "executorEnv")}
    return "".join(f"{key} {value}\n" for key, value in found.items())


@pytest.mark.parametrize("master", MASTERS)
def test_tables_at_urls(
    master: str,
    s3_server: S3Server,
    s3_class_path: str,
    yarn_server: Hadoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = s3_server.environ | yarn_server.environ | {"PYTHONPATH": str(ROOT)}
    for name, value in (environ | {"SPARK_HOME": str(SPARK)}).items():
        monkeypatch.setenv(name, value)
    conf, name = tmp_path / "spark.conf", master.partition("[")[0]
    conf.write_text(properties(master, environ, s3_class_path))
    delta, parquet = f"s3a://{s3_server.bucket}/{name}", f"{yarn_server.url}/{name}"

    command = [f"{SPARK}/bin/spark-submit", "--properties-file", str(conf)]
    command += [spark_tables.__file__, delta, parquet]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    assert DeltaTable(delta).version() == 1
    written = [Path(status.path).name for status in Client().list_status(f"/{name}")]
    assert "_SUCCESS" in written

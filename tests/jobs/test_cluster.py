"""The pipeline's tables on a standalone cluster and in local mode; what the cluster guards."""

from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession
from tables import assert_same_tables

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.ratings import identity
from ymr_spark.runtime import cluster

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


@pytest.mark.timeout(900)
def test_the_same_tables_as_in_local_mode(
    spark: SparkSession, local: Warehouse, on_cluster: Warehouse
) -> None:
    ratings = identity(Warehouse(on_cluster.root).read(spark, "ratings"))
    assert ratings["test"].rows == 1200
    assert_same_tables(spark, local, on_cluster)


def test_daemons_are_reached_on_loopback_only_and_keep_their_secret(cluster_folder: Path) -> None:
    properties = cluster_folder / "spark.conf"
    assert properties.stat().st_mode & 0o777 == 0o600
    secret = dict(line.split(None, 1) for line in properties.read_text().splitlines() if line)[
        "spark.authenticate.secret"
    ]
    for _, process in cluster.daemons(cluster_folder):
        ports = [c.laddr.ip for c in process.net_connections("tcp") if c.status == "LISTEN"]
        assert {ip.removeprefix("::ffff:") for ip in ports} == {cluster.HOST}
        assert secret not in " ".join(process.cmdline())
    told = [*cluster_folder.rglob("logs/*"), *cluster_folder.rglob("events/**/*")]
    assert not [f for f in told if f.is_file() and secret.encode() in f.read_bytes()]


def test_a_folder_has_one_cluster(cluster_folder: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"master.*running; take it down first"):
        cluster.up(cluster_folder)


def test_only_its_own_processes_are_ended(tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "master").write_text(str(psutil.Process().pid))
    (tmp_path / "pids" / "worker-1").write_text("999999999")
    assert cluster.down(tmp_path) == []

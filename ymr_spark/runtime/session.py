"""The only place that builds a SparkSession."""

import codecs
import gc
import locale
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pyspark
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from ymr_spark import shipped, text_file
from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import cores, environment, failures, jars, logs
from ymr_spark.store.locations import Location
from ymr_spark.store.remote import Remote

GATEWAY = environment.GATEWAY
_DYING_SECONDS = 0.5  # between its last word and its end
_S3_SERVER = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ALLOW_HTTP")
_kept = False
# What tables and stages need to be right or fast whatever the cluster; master, memory and cores
# belong to spark-submit and the Spark properties under conf/.
ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Rows stay in the order given; without it Spark sorts each task's by partition value.
    "spark.sql.maxConcurrentOutputFileWriters": "64",
    # Rows may be of megabytes: the memory of a task then is some batches, not its partition.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 << 20),
    # Packed ratings: a task for each of their files, whatever the cores.
    "spark.sql.files.maxPartitionBytes": str(16 << 20),
    # Python's work on a batch is small beside what each batch costs.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000000",
    # Logs of some hundred files are not worth Delta's 50 tasks.
    "spark.databricks.delta.snapshotPartitions": "2",
    # Tables are read by the names of their files, which take no job to look at.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
    # The session is of this process, not of a Spark Connect server.
    "spark.api.mode": "classic",
}


def build(name: str, defaults: Path | None = None) -> SparkSession:
    """The session of this process.

    Args:
        name: shown by Spark's UI and history.
        defaults: a Spark properties file, used where no spark-submit started this process.

    Raises:
        EnvironmentProblem: Spark does not start, or has not the Delta JARs.
    """
    if _kept and (going_on := SparkSession.getActiveSession()):
        _label(going_on)
        return going_on
    if GATEWAY not in os.environ:
        _act_as_spark_submit(defaults)
    for variable in environment.OF_SPARK_CONNECT:
        os.environ.pop(variable, None)
    builder = SparkSession.builder.appName(name)
    for key, value in ALWAYS.items():
        builder = builder.config(key, value)
    # Never its keys, which Spark would show: executors have those of their own environment or role.
    where = {name: os.environ[name] for name in _S3_SERVER if name in os.environ}
    for key, value in (_labels() | where).items():
        builder = builder.config(f"spark.executorEnv.{key}", value)
    bars = "true" if sys.stderr.isatty() else "false"
    with _starting():
        spark = builder.config("spark.ui.showConsoleProgress", bars).getOrCreate()
    _require_delta(spark)
    # Paths mean to Spark what they mean to Python, whatever HADOOP_CONF_DIR says. Not a property:
    # YARN would look for its own staging folder by it.
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.defaultFS", "file:///")
    properties = spark.sparkContext.getConf()
    for key, value in _of_s3().items():
        if not properties.contains(f"spark.hadoop.{key}"):
            spark.sparkContext._jsc.hadoopConfiguration().set(key, value)
    if properties.get("spark.submit.deployMode") == "cluster":  # where others share the node
        os.environ.setdefault(cores.TENSORFLOW_THREADS, properties.get("spark.driver.cores") or "1")
    _label(spark)
    return spark


def _of_s3() -> dict[str, str]:
    """Of Hadoop, by what tells other clients of a server that is not Amazon's."""
    endpoint, region, _ = (os.environ.get(name) for name in _S3_SERVER)
    told = {"fs.s3a.endpoint": endpoint, "fs.s3a.endpoint.region": region}
    told["fs.s3a.path.style.access"] = "true" if endpoint else None
    return {key: value for key, value in told.items() if value}


def keep() -> None:
    """Have sessions of this process go on after `leave`, for the next that is built."""
    global _kept
    _kept = True


def leave(spark: SparkSession) -> None:
    """End a session; one that is kept only lets go of what was cached in it."""
    if not _kept:
        spark.stop()
        return
    spark.catalog.clearCache()
    for cached in spark.sparkContext._jsc.getPersistentRDDs().values():
        cached.unpersist()
    # What Python holds no more the JVM forgets at its next collection, with shuffles and
    # broadcasts.
    gc.collect()
    spark.sparkContext._jvm.System.gc()  # type: ignore[union-attr]


def end() -> None:
    """End the session that is kept, if there is any: a JVM has one at a time."""
    if going_on := SparkSession.getActiveSession():
        going_on.stop()


def _labels() -> dict[str, str]:
    return {name: os.environ[name] for name in (logs.RUN_ID, logs.STAGE) if name in os.environ}


def _label(spark: SparkSession) -> None:
    for key, value in _labels().items():
        spark.sparkContext._jvm.System.setProperty(key, value)  # type: ignore[union-attr]


@contextmanager
def _starting() -> Iterator[None]:
    try:
        yield
    except (PySparkRuntimeError, Py4JError) as e:
        first, *further = str(e).splitlines()
        causes = [line for line in further if line.startswith((": ", "Caused by: "))]
        raise failures.explained(e) or EnvironmentProblem(
            f"Spark does not start ({[first, *causes][-1]}); see what it says above, its "
            "properties (spark.driver.memory, spark.master) and the options for Java, which "
            "`make doctor` or `ymr doctor` shows"
        ) from e


def _require_delta(spark: SparkSession) -> None:
    # Spark itself only warns of an extension that it does not find.
    try:
        spark.sparkContext._jvm.org.apache.spark.util.Utils.classForName(  # type: ignore[union-attr]
            ALWAYS["spark.sql.extensions"], False, False
        )
    except Py4JJavaError as e:
        spark.stop()
        raise EnvironmentProblem(
            f"Spark has not the Delta JARs: {environment.JARS_WAY_OUT} {jars.DELTA.packages}"
        ) from e


def _act_as_spark_submit(defaults: Path | None) -> None:
    """Set what the JVM and its Python are started by: those of this environment."""
    for name in (*environment.OF_ANOTHER_SPARK, *environment.OF_SPARK_CONNECT):
        os.environ.pop(name, None)
    os.environ |= {
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        # Read by conf/*-spark.conf, for work in any folder.
        "YMR_SPARK_CONF_DIR": str(shipped.CONF),
    }
    arguments = []
    if defaults is not None:
        # Spark's launcher would end with a stack of Java's.
        text_file.read(defaults, "set spark_defaults to a file of Spark properties")
        arguments += ["--properties-file", str(defaults)]
    if jars.S3.folder.exists():
        arguments += ["--driver-class-path", jars.S3.class_path]
    if arguments:
        os.environ.setdefault("PYSPARK_SUBMIT_ARGS", shlex.join([*arguments, "pyspark-shell"]))
    if not _resolves(socket.gethostname()):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    if sys.getfilesystemencoding() == "utf-8" != codecs.lookup(locale.getencoding()).name:
        os.environ["LC_ALL"] = "C.UTF-8"  # Java's names of files are the locale's


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


@contextmanager
def shared_jvm(defaults: Path | None = None) -> Iterator[dict[str, str]]:
    """A JVM for many processes, one session after the other: the second finds it warm.

    Yields:
        The environment variables by which `build` in another process joins it, as it would
        join the JVM of spark-submit.
    """
    _act_as_spark_submit(defaults)
    with _starting():
        gateway = launch_gateway()  # type: ignore[no-untyped-call]
    joining = gateway.gateway_parameters
    try:
        yield {
            GATEWAY: str(joining.port),
            "PYSPARK_GATEWAY_SECRET": joining.auth_token,
            "PYSPARK_PYTHON": os.environ["PYSPARK_PYTHON"],
        }
    finally:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


def require_folder(spark: SparkSession, folder: Location) -> None:
    """Raise EnvironmentProblem where the JVM does not see a folder that Python sees, or not reach
    its store."""
    if isinstance(folder, Remote):
        _require_store(spark, folder)
        return
    if not spark.sparkContext._jvm.java.io.File(str(folder)).isDirectory():  # type: ignore[union-attr]
        raise EnvironmentProblem(
            f"{folder}: Python sees it, Spark's JVM does not, which takes names of files for those "
            "of another encoding; set LC_ALL=C.UTF-8 where the JVM starts, or choose an ASCII name"
        )


def _require_store(spark: SparkSession, folder: Remote) -> None:
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(str(folder))
    try:
        path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).exists(path)
    except Py4JJavaError as e:
        raise EnvironmentProblem(
            f"{folder}: Spark's JVM cannot reach it ({e.java_exception.toString()}); see "
            "docs/cluster.md for the JARs and properties that it needs"
        ) from e


@contextmanager
def watched(spark: SparkSession) -> Iterator[None]:
    """Turn whatever an end of the JVM leads to into an EnvironmentProblem."""
    jvm = psutil.Process(jvm_pid(spark))
    try:
        yield
    except Exception as e:
        with suppress(psutil.TimeoutExpired):
            jvm.wait(_DYING_SECONDS)
            raise EnvironmentProblem(
                "Spark's JVM has ended, killed for want of memory perhaps: end other programs, or "
                "give it less by spark.driver.memory"
            ) from e
        raise


def jvm_pid(spark: SparkSession) -> int:
    """The process id of the driver's JVM, a child of this process or not."""
    return int(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid())  # type: ignore[union-attr]

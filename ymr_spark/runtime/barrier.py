"""Processes that work together, one in each task of a Spark barrier stage."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from pyspark import BarrierTaskContext
from pyspark.sql import SparkSession

from ymr_spark.errors import EnvironmentProblem
from ymr_spark.runtime import cores

# Called with the task's number and the addresses host:port of all tasks, in their order.
Work = Callable[[int, list[str]], None]


def run(spark: SparkSession, workers: int, work: Work) -> None:
    """Do `work` in that many processes at once; return when all have done theirs.

    Where one fails or dies Spark ends the others and starts all of them again, four times in
    all (spark.stage.maxConsecutiveAttempts); work that keeps its progress goes on from there.

    Args:
        work: can be pickled; each call has a fresh process, which ends with its task.

    Raises:
        EnvironmentProblem: see `require`.
    """
    require(spark, workers)
    context = spark.sparkContext
    tasks = context.parallelize(range(workers), workers).barrier()
    # Spark starts a barrier stage again only where a shuffle follows it.
    tasks.mapPartitions(lambda _: _task(work)).repartition(1).collect()


def require(spark: SparkSession, workers: int) -> None:
    """Raise EnvironmentProblem where the cluster has fewer cores than workers, or a way of giving
    them by which Spark starts no such stage."""
    found = cores.parallelism(spark)
    if found < workers:
        raise EnvironmentProblem(
            f"{workers} workers need a core each, the cluster has {found}; "
            "give executors more cores or lower two_tower.workers"
        )
    if spark.sparkContext.getConf().get("spark.dynamicAllocation.enabled", "false") == "true":
        raise EnvironmentProblem(
            f"{workers} workers that train together, and executors that come and go: Spark starts "
            "no barrier stage then; set spark.dynamicAllocation.enabled=false and "
            "spark.executor.instances for this stage, or two_tower.workers=1"
        )


def _task(work: Work) -> Iterator[int]:
    context = BarrierTaskContext.get()
    number = context.partitionId()
    host = context.getTaskInfos()[number].address.rpartition(":")[0]
    addresses = context.allGather(f"{host}:{_free_port(host)}")
    # Fresh, because Python on executors goes on to other tasks, and TensorFlow joins others once.
    fresh = get_context("spawn")
    mine = os.getpid(), context.cpus()
    with ProcessPoolExecutor(1, fresh, initializer=_begin, initargs=mine) as pool:
        pool.submit(work, number, addresses).result()
    yield number


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _begin(parent: int, threads: int) -> None:
    """Have TensorFlow take the task's cores, and end soon after the parent, whatever ends that."""
    os.environ[cores.TENSORFLOW_THREADS] = str(threads)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

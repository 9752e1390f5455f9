"""A JVM that jobs join as they would that of spark-submit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.java_gateway import launch_gateway

from ymr_spark.runtime import session


@contextmanager
def shared(defaults: Path) -> Iterator[dict[str, str]]:
    """A JVM for many processes, one session after the other: the second finds it warm.

    Yields:
        The environment variables by which `build` in another process joins it, as it would
        join the JVM of spark-submit.
    """
    session._act_as_spark_submit(defaults)
    gateway = launch_gateway()  # type: ignore[no-untyped-call]
    joining = gateway.gateway_parameters
    try:
        yield {
            session.GATEWAY: str(joining.port),
            "PYSPARK_GATEWAY_SECRET": joining.auth_token,
            "PYSPARK_PYTHON": os.environ["PYSPARK_PYTHON"],
        }
    finally:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()

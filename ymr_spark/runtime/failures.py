"""What the machine refused, read off an error's words: each of Spark, Java, Delta and Python has
errors of its own for the same thing."""

from collections.abc import Iterator

from ymr_spark.errors import EnvironmentProblem

_DISK = "free some, or choose another disk by the settings or, for its own files, spark.local.dir"
_RIGHTS = "give this user the right to it, or choose another place by the settings"
_LINKS = "mend the link, or choose another place by the settings"
_KEYS = "see whether the keys of the environment, or this machine's role, may do so in that store"
_MEMORY = "end other programs, or give Spark less by spark.driver.memory and spark.executor.memory"
_WAYS_OUT = {
    "No space left on device": _DISK,
    "Disk quota exceeded": _DISK,
    "Read-only file system": _RIGHTS,
    "Permission denied": _RIGHTS,
    "Operation not permitted": _RIGHTS,
    "Too many levels of symbolic links": _LINKS,
    "Device or resource busy": "do not mount a single file or folder of the warehouse",
    "Too many open files": "raise the limit by `ulimit -n`",
    "Java heap space": "give Spark more by spark.driver.memory or spark.executor.memory",
    "GC overhead limit exceeded": "give Spark more by spark.driver.memory or spark.executor.memory",
    "unable to create native thread": "raise the limit by `ulimit -u`",
    "Cannot allocate memory": _MEMORY,
    "Unable to allocate": _MEMORY,
    "MemoryError": _MEMORY,
    "UnknownHostException": "let the name resolve by /etc/hosts, or set SPARK_LOCAL_IP",
    "bucket does not exist": "make it, or name another in the settings",
    "Unable to locate credentials": _KEYS,
    "PermissionError": _KEYS,
    "Could not connect to the endpoint": "see whether the server runs, and AWS_ENDPOINT_URL",
    "PYTHON_VERSION_MISMATCH": "give executors the driver's Python by spark.pyspark.python",
}


def explained(error: BaseException) -> EnvironmentProblem | None:
    """The error as one of the environment, with the way out, where it is one."""
    for line in _lines(error):
        for sign, way_out in _WAYS_OUT.items():
            if sign in line:
                return EnvironmentProblem(f"{line.strip()[:300]}; {way_out}")
    return None


def _lines(error: BaseException | None) -> Iterator[str]:
    """What the error and all behind it say."""
    while error is not None:
        yield from f"{type(error).__name__}: {error}".splitlines()
        error = error.__cause__ or error.__context__

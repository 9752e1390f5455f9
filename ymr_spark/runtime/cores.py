"""How many cores there are to work with."""

from pyspark.sql import SparkSession

# Read by TensorFlow: the threads that an operation may take.
TENSORFLOW_THREADS = "TF_NUM_INTRAOP_THREADS"
_EXECUTORS = ("spark.executor.instances", "spark.dynamicAllocation.maxExecutors")


def parallelism(spark: SparkSession) -> int:
    """The cores that there are, or will be once all executors that are asked for have come."""
    properties = spark.sparkContext.getConf()
    executors = max(int(properties.get(key) or 0) for key in _EXECUTORS)
    cores = int(properties.get("spark.executor.cores") or 1)
    return max(spark.sparkContext.defaultParallelism, executors * cores)

"""What a job logs on stderr: plain lines for people, JSON lines for machines.

The JSON has the fields of Spark's own (`ts`, `level`, `logger`, `msg`, `context`, `exception`),
and the run id and stage in each line, as conf/log4j2-json.properties gives those of the JVMs.
"""

import json
import logging
import os
import time

from pyspark.logger.logger import JSONFormatter

# Read by conf/log4j2-json.properties.
RUN_ID, STAGE = "YMR_SPARK_RUN_ID", "YMR_SPARK_STAGE"


def configure(form: str, stage: str, run_id: str) -> None:
    """Log this process' lines as `plain` or `json`; label what it starts with stage and run."""
    os.environ |= {RUN_ID: run_id, STAGE: stage}
    handler = logging.StreamHandler()
    plain = logging.Formatter(f"%(asctime)s {stage}: %(message)s", "%H:%M:%S")
    handler.setFormatter(_Json(stage, run_id) if form == "json" else plain)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("py4j").setLevel(logging.WARNING)


class _Json(JSONFormatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, stage: str, run_id: str) -> None:
        super().__init__()
        self._labels = {"run_id": run_id, "stage": stage}

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(json.loads(super().format(record)) | self._labels)

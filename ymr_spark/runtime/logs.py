"""What a job logs on stderr: plain lines for people, JSON lines for machines.

The JSON has the fields of Spark's own (`ts`, `level`, `logger`, `msg`, `context`, `exception`),
and the run id and stage in each line, as conf/log4j2-json.properties gives those of the JVMs.
"""

import json
import logging
import os
import time
from contextlib import suppress

# Read by conf/log4j2-json.properties.
_CHATTY = ("py4j", "aiobotocore", "botocore", "s3fs", "fsspec")
RUN_ID, STAGE = "YMR_SPARK_RUN_ID", "YMR_SPARK_STAGE"


def configure(form: str, stage: str, run_id: str) -> None:
    """Log this process' lines as `plain` or `json`; label what it starts with stage and run."""
    os.environ |= {RUN_ID: run_id, STAGE: stage}
    formatter = logging.Formatter(f"%(asctime)s {stage}: %(message)s", "%H:%M:%S")
    if form == "json":
        with suppress(ImportError):  # a Spark that has none is not the library's: soon an error
            formatter = _json(stage, run_id)
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _json(stage: str, run_id: str) -> logging.Formatter:
    from pyspark.logger.logger import JSONFormatter

    class Json(JSONFormatter):
        converter = staticmethod(time.gmtime)
        default_time_format = "%Y-%m-%dT%H:%M:%S"
        default_msec_format = "%s.%03dZ"

        def format(self, record: logging.LogRecord) -> str:
            labels = {"run_id": run_id, "stage": stage}
            return json.dumps(json.loads(super().format(record)) | labels)

    return Json()

"""The pipeline as an Airflow DAG: one task a stage, in order, each by spark-submit.

A stage that is up to date ends at once, so that any task may be run again. For 76 M rows
PROPERTIES is yarn-76m-spark.conf (2 executors of 2 cores and 10 GB, a driver of 8 GB), for all
717 M yarn-717m-spark.conf (8 of 4 cores and 28 GB, a driver of 24 GB).
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow import DAG
from airflow.models.baseoperator import chain
from airflow.operators.bash import BashOperator

from ymr_spark import settings, stages

HOME = Path(os.environ.get("YMR_SPARK_HOME", "/opt/ymr_spark"))
CONF = HOME / "conf" / "full.yaml"
PROPERTIES = HOME / "conf" / "examples" / "yarn-76m-spark.conf"

with DAG(
    "ymr_spark",
    schedule=None,
    start_date=datetime(2025, 1, 1),
    catchup=False,
    # A warehouse has one writer; a second run would end with exit code 5.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=6),
    },
) as dag:
    tasks = [
        BashOperator(
            task_id=stage.name,
            cwd=str(HOME),
            bash_command=f"spark-submit --properties-file {PROPERTIES} jobs/{stage.name}.py "
            f"--conf {CONF} --run-id '{{{{ ts_nodash }}}}' --set logs=json",
        )
        for stage in stages.pipeline(settings.load(CONF))
    ]
    chain(*tasks)

"""The pipeline as an Airflow 3 DAG: one task a stage, in order, each by spark-submit.

A stage that is up to date ends at once, so that any task may be run again. The machine that reads
this file needs the library with pydantic and PyYAML; the one that runs a task, spark-submit on its
path. Three variables of the environment say what is run:

    YMR_SPARK_HOME        the project's folder
    YMR_SPARK_CONF        its settings
    YMR_SPARK_PROPERTIES  Spark's: yarn-76m-spark.conf (2 executors of 2 cores and 10 GB, a driver
                          of 8 GB) or yarn-717m-spark.conf (8 of 4 cores and 28 GB; 24 GB)
"""

import os
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

from ymr_spark.pipeline import settings_file, stages

HOME = Path(os.environ.get("YMR_SPARK_HOME", "/opt/ymr_spark"))
CONF = Path(os.environ.get("YMR_SPARK_CONF", HOME / "conf" / "full.yaml"))
PROPERTIES = Path(
    os.environ.get("YMR_SPARK_PROPERTIES", HOME / "conf" / "examples" / "yarn-76m-spark.conf")
)

with DAG(
    "ymr_spark",
    schedule=None,
    # A warehouse has one writer; a second run would end with exit code 5.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=6),
    },
):
    tasks = [
        BashOperator(
            task_id=stage.name,
            cwd=str(HOME),
            bash_command=f"spark-submit --properties-file {PROPERTIES} {stage.command} "
            f"--conf {CONF} --run-id {{{{ dag_run.run_after | ts_nodash }}}} --set logs=json",
        )
        for stage in stages.pipeline(settings_file.load(CONF))
    ]
    chain(*tasks)

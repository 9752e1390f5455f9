"""The pipeline as an Airflow 3 DAG: one task a stage, in order, each by spark-submit.

A stage that is up to date ends at once, so that any task may be run again. The machine that reads
this file needs the library with pydantic and PyYAML; the one that runs a task, spark-submit on its
path. Two variables of the environment say where the project is and which settings make the tasks:

    YMR_SPARK_HOME        the project's folder
    YMR_SPARK_CONF        its settings

A run may be given other places than theirs: the parameters warehouse and raw are paths or URIs, and
properties names Spark's own: yarn-76m-spark.conf (2 executors of 2 cores and 10 GB, a driver of 16)
or yarn-717m-spark.conf (8 of 4 cores and 28 GB; 40). Tasks are tried again unless it would be in
vain: settings that are wrong and data that break their contract, exit codes 2 and 3. In client mode
spark-submit ends with these codes, in YARN's cluster mode with 1.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, chain

from ymr_spark.pipeline import settings_file, stages

HOME = Path(os.environ.get("YMR_SPARK_HOME", "/opt/ymr_spark"))
CONF = Path(os.environ.get("YMR_SPARK_CONF", HOME / "conf" / "full.yaml"))
SETTINGS = settings_file.load(CONF)
PARAMS = {
    "warehouse": Param(str(SETTINGS.warehouse), type="string"),
    "raw": Param(str(SETTINGS.raw.folder), type="string"),
    "properties": Param(str(HOME / "conf/examples/yarn-76m-spark.conf"), type="string"),
}


class Stage(BashOperator):
    """Fails for good where another try would fail, too."""

    def execute(self, context: Any) -> Any:
        """Run the stage."""
        try:
            return super().execute(context)
        except AirflowException as e:
            if re.search(r"exit code [23]\b", str(e)):
                raise AirflowFailException(str(e)) from e
            raise


with DAG(
    "ymr_spark",
    schedule=None,
    params=PARAMS,
    # A warehouse has one writer; a second run would end with exit code 5.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=6),
    },
):
    tasks = [
        Stage(
            task_id=stage.name,
            cwd=str(HOME),
            bash_command=f"spark-submit --properties-file '{{{{ params.properties }}}}' "
            f"{stage.command} --conf {CONF} --run-id {{{{ dag_run.run_after | ts_nodash }}}} "
            "--set logs=json --set 'warehouse={{ params.warehouse }}' "
            "--set 'raw.folder={{ params.raw }}'",
        )
        for stage in stages.pipeline(SETTINGS)
    ]
    chain(*tasks)

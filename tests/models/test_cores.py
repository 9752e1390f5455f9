import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ymr_spark.models import registry

ROOT = Path(__file__).parent.parent.parent
SCRIPT = Path(__file__).parent / "quick_models.py"


@pytest.mark.cluster
def test_the_same_on_one_core_and_on_two(tmp_path: Path) -> None:
    found = []
    for cores in ("1", "2"):
        output = tmp_path / f"{cores}.npz"
        command = [sys.executable, str(SCRIPT), cores, str(output)]
        env = os.environ | {"PYSPARK_PYTHON": sys.executable}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(np.load(output))
    assert set(found[0]) == set(registry.NAMES)
    for model in found[0]:
        np.testing.assert_allclose(found[0][model], found[1][model], atol=1e-4, err_msg=model)

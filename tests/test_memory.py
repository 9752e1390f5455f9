"""Peak memory, of interpreters of their own: what other tests have left would count, too."""

import json
import subprocess
import sys

BEGIN = """
import json, subprocess, sys, time
import psutil
from ymr_spark.runtime.memory import PeakMemory
"""
CHILD = """
hog = "import time; x = b'x' * (200 << 20); time.sleep(9)"
with PeakMemory(every_seconds=0.1) as memory:
    time.sleep(1.5)
    before = memory.mebibytes
    process = subprocess.Popen([sys.executable, "-c", hog])
    time.sleep(3)
    process.kill()
    process.wait()
print(json.dumps([before, memory.mebibytes]))
"""
JUST_STARTED = """
hog = "x = b'x' * (200 << 20)"
with PeakMemory(every_seconds=0.02) as memory:
    time.sleep(1.5)
    before = memory.mebibytes
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", hog + "; import time; time.sleep(9)"])
        time.sleep(0.4)
        process.kill()
        process.wait()
print(json.dumps([before, memory.mebibytes]))
"""
# The shell ends at once, which leaves the other to init.
NO_CHILD = """
hog = f"{sys.executable} -c 'x = bytes(range(256)) * (200 << 12); import time; time.sleep(9)'"
started = subprocess.check_output(["sh", "-c", f"{hog} > /dev/null & echo $!"], text=True)
with PeakMemory(every_seconds=0.1) as memory:
    time.sleep(1.5)
    before = memory.mebibytes
    memory.of(int(started))
    time.sleep(1.5)
psutil.Process(int(started)).kill()
print(json.dumps([before, memory.mebibytes]))
"""


def measured(script: str) -> tuple[float, float]:
    """Mebibytes before, and in the end."""
    told = subprocess.check_output([sys.executable, "-c", BEGIN + script], text=True)
    before, after = json.loads(told)
    return before, after


def test_children_count() -> None:
    before, after = measured(CHILD)
    assert 0 < before < 100
    assert after > before + 190


def test_what_has_only_just_started_does_not() -> None:
    before, after = measured(JUST_STARTED)
    assert before > 0
    assert after < before + 100


def test_a_process_that_is_no_child_counts_if_it_is_named() -> None:
    before, after = measured(NO_CHILD)
    assert 0 < before < 100
    assert after > before + 190

"""Leases in stores, by processes that hold, sleep and die."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ymr_spark.errors import WarehouseLocked
from ymr_spark.store import lease
from ymr_spark.store.remote import Remote

SECONDS = 3.0
HOLD = """
import sys
from ymr_spark.errors import WarehouseLocked
from ymr_spark.store import lease
from ymr_spark.store.remote import Remote

folder = Remote.of(sys.argv[1])
with lease.held(folder, {"run_id": "other"}, float(sys.argv[2])):
    print("held", flush=True)
    for _ in sys.stdin:
        try:
            lease.require(folder, "other")
            print("may", flush=True)
        except WarehouseLocked:
            print("may not", flush=True)
"""


class Other:
    """Another process that holds the lease."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def says(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def other(folder: Remote) -> Iterator[Other]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield Other(process)
    finally:
        process.kill()
        process.wait()


def mine(folder: Remote) -> None:
    """Take the lease and let go of it."""
    with lease.held(folder, {"run_id": "mine"}, SECONDS):
        lease.require(folder, "mine")
    with pytest.raises(WarehouseLocked, match="lease of run mine has expired"):
        lease.require(folder, "mine")


def test_one_at_a_time(store: Remote) -> None:
    mine(store)
    with other(store) as holder:
        with pytest.raises(WarehouseLocked, match="'run_id': 'other'"):
            mine(store)
        time.sleep(SECONDS * 1.5)  # it is renewed meanwhile
        assert holder.says() == "may"
        with pytest.raises(WarehouseLocked):
            mine(store)
        assert holder.process.stdin is not None
        holder.process.stdin.close()
        holder.process.wait(20)
        started = time.monotonic()
        mine(store)
        assert time.monotonic() - started < SECONDS  # given back, not expired


def test_who_sleeps_past_the_lease_has_lost_it(store: Remote) -> None:
    with other(store) as holder:
        holder.process.send_signal(signal.SIGSTOP)
        time.sleep(SECONDS + 0.5)
        with lease.held(store, {"run_id": "mine"}, SECONDS):
            holder.process.send_signal(signal.SIGCONT)
            assert holder.says() == "may not"
            lease.require(store, "mine")
            assert holder.process.stdin is not None
            holder.process.stdin.close()  # it gives back nothing that is not its own
            holder.process.wait(20)
            lease.require(store, "mine")


def test_who_dies_lets_go_in_time(store: Remote) -> None:
    with other(store):
        pass
    with pytest.raises(WarehouseLocked, match="expires"):
        mine(store)
    time.sleep(SECONDS)
    mine(store)


def test_a_clock_that_is_ahead_does_not_take_what_is_renewed(
    store: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    with other(store) as holder:
        ahead = time.time() + 1000
        monkeypatch.setattr(time, "time", lambda: ahead)
        with pytest.raises(WarehouseLocked):
            mine(store)
        assert holder.says() == "may"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"holder": {}}'])
def test_a_lease_that_is_just_being_made_counts(store: Remote, content: bytes) -> None:
    (store / str(len(content)) / "00000007.json").create(content)
    with pytest.raises(WarehouseLocked):
        mine(store / str(len(content)))

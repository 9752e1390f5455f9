"""Who may write to a warehouse in a store, where no kernel keeps locks: numbered leases.

A lease is a file NUMBER.json that its holder alone writes, again and again while it works. That of
the greatest number counts. Whoever finds it given back or expired creates the next number, which
stores let only one do; from then on the holder before is refused: its number is not the greatest.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ymr_spark.errors import WarehouseLocked
from ymr_spark.store.locations import matching
from ymr_spark.store.remote import Remote

log = logging.getLogger(__name__)
LEASE_SECONDS = 60.0
_NUMBER_DIGITS = 8


@dataclass(frozen=True)
class Lease:
    """What a file says: whose it is, and until when."""

    file: Remote
    holder: Mapping[str, Any]
    expires: float  # seconds since 1970, by the holder's clock; 0 once it is given back

    @classmethod
    def newest(cls, folder: Remote) -> "Lease | None":
        """That of the greatest number; None where there is none."""
        for file in reversed(matching(folder, "*.json")):
            assert isinstance(file, Remote)
            try:
                content = json.loads(file.read_bytes())
                return cls(file, content["holder"], float(content["expires"]))
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError):  # just made, or cut by the holder's death
                return cls(file, {}, time.time() + 1)
        return None

    @property
    def number(self) -> int:
        """The fencing number."""
        return int(self.file.stem)

    @property
    def expired(self) -> bool:
        """By this machine's clock, or given back."""
        return time.time() > self.expires


@contextmanager
def held(
    folder: Remote, holder: Mapping[str, Any], seconds: float = LEASE_SECONDS
) -> Iterator[None]:
    """Hold the lease of a folder, renewed until the block ends.

    Args:
        holder: what others are told of it; `run_id` is by what `require` knows it.
        seconds: after which others may take it, if it is not renewed.

    Raises:
        WarehouseLocked: another holds it; says who, and since when.
    """
    mine = _taken(folder, holder, seconds)
    done = threading.Event()
    renewing = threading.Thread(target=_renew, args=(mine, holder, seconds, done), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()
        if _is_newest(folder, mine):
            mine.write_bytes(_content(holder, 0))


def require(folder: Remote, run_id: str) -> None:
    """Raise WarehouseLocked where that run does not hold the lease any more."""
    newest = Lease.newest(folder)
    if newest is None or newest.holder.get("run_id") != run_id or newest.expired:
        raise WarehouseLocked(
            f"{folder}: the lease of run {run_id} has expired or another run has taken it; "
            "nothing was committed, run again"
        )


def holder(folder: Remote) -> Mapping[str, Any]:
    """Of the lease that counts; empty where there is none."""
    newest = Lease.newest(folder)
    return {} if newest is None or newest.expires == 0 else newest.holder


def _taken(folder: Remote, holder: Mapping[str, Any], seconds: float) -> Remote:
    before = Lease.newest(folder)
    if before is not None:
        _require_free(before, seconds)
    number = 1 if before is None else before.number + 1
    mine = folder / f"{number:0{_NUMBER_DIGITS}}.json"
    try:
        mine.create(_content(holder, time.time() + seconds))
    except FileExistsError:
        raise _locked(Lease.newest(folder) or before) from None
    for file in matching(folder, "*.json")[:-2]:
        file.unlink(missing_ok=True)
    return mine


def _require_free(before: Lease, seconds: float) -> None:
    """Raise WarehouseLocked unless it is given back, or expired and not renewed while we look on:
    clocks differ."""
    if before.expires == 0:
        return
    if before.expired:
        log.info("%s: expired; looking whether %s renews it", before.file, dict(before.holder))
        time.sleep(seconds / 2)
        if Lease.newest(before.file.parent) == before:
            return
    raise _locked(before)


def _locked(lease: Lease | None) -> WarehouseLocked:
    told = "another run" if lease is None else f"{dict(lease.holder)}"
    where = "the warehouse" if lease is None else str(lease.file)
    return WarehouseLocked(
        f"{where}: held by {told}; wait for that run or stop it: after that its lease expires "
        f"within {LEASE_SECONDS:g} s"
    )


def _renew(mine: Remote, holder: Mapping[str, Any], seconds: float, done: threading.Event) -> None:
    """Until it is done, or too late: then others may have begun."""
    expires = time.time() + seconds
    while not done.wait(seconds / 4):
        if time.time() > expires:
            log.error("%s: the lease has expired; it could not be renewed in time", mine)
            return
        try:
            renewed = time.time() + seconds
            mine.write_bytes(_content(holder, renewed))
            expires = renewed
        except OSError as e:
            log.warning("%s: cannot be renewed (%s); trying again", mine, e)


def _is_newest(folder: Remote, mine: Remote) -> bool:
    newest = Lease.newest(folder)
    return newest is not None and newest.file == mine


def _content(holder: Mapping[str, Any], expires: float) -> bytes:
    return json.dumps({"holder": dict(holder), "expires": expires}).encode()

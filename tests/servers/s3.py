"""An object store that speaks S3 and asks for keys: SeaweedFS, all of it in one process."""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.processes import HOST, answer, free_ports, running, wait_until

_REGION = "us-east-1"
_PARTS = ("master", "volume", "filer", "s3")
# Paths are below the folder in which it runs.
_OPTIONS = (
    *("-dir=.", f"-ip={HOST}", f"-ip.bind={HOST}", "-filer", "-s3", "-s3.config=keys.json"),
    # Many small volumes; a bucket that nobody made is an error, as it is elsewhere.
    *("-master.volumeSizeLimitMB=64", "-volume.max=100", "-s3.autoCreateBucket=false"),
    *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
    *("-master.telemetry=false", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
)


@dataclass(frozen=True)
class S3Server:
    """Where it is, who may do everything in it, and a bucket that is there."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str

    @property
    def environ(self) -> dict[str, str]:
        """What botocore and s3fs, deltalake and Spark's s3a read of the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
        }


@contextmanager
def serve(folder: Path, bucket: str = "tests") -> Iterator[S3Server]:
    """A server with all its files in the folder, from the first answer on."""
    names = [f"{part}.{kind}" for part in _PARTS for kind in ("port", "port.grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    endpoint = f"http://{HOST}:{ports['s3.port']}"
    server = S3Server(endpoint, secrets.token_hex(10), secrets.token_hex(20), bucket)
    _write_keys(folder / "keys.json", server)
    command = [str(Path(sys.executable).parent / "weed"), "-logtostderr=true", "server", *_OPTIONS]
    command += [f"-{name}={port}" for name, port in ports.items()]
    try:
        with running(command, folder / "s3.log") as process:
            wait_until(lambda: answer(f"{endpoint}/healthz") is not None, process, logs=folder)
            client(server).create_bucket(Bucket=bucket)
            yield server
    finally:
        for part in _PARTS:  # it takes no other place for these
            socket = f"seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock"
            Path("/tmp", socket).unlink(missing_ok=True)


def client(server: S3Server, secret_key: str | None = None) -> Any:
    """botocore's, whatever the environment says; by default with the server's own key."""
    import botocore.session  # for longer than all else here

    return botocore.session.Session().create_client(
        "s3",
        region_name=_REGION,
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret_key or server.secret_key,
    )


def _write_keys(path: Path, server: S3Server) -> None:
    keys = {"accessKey": server.access_key, "secretKey": server.secret_key}
    identity = {"name": "tests", "credentials": [keys], "actions": ["Admin"]}
    path.write_text(json.dumps({"identities": [identity]}))

"""A Thrift server of Spark, as a cluster has one, started by pyspark's own script."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from spark.build import SPARK_DBT

SERVER = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
SECONDS_TO_START = 120


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def thrift_server(home: Path, port: int) -> Iterator[None]:
    """Run the server, with its tables, its log `server.log` and its history `events/` in `home`."""
    (home / "events").mkdir(parents=True)
    scripts = (ROOT / SPARK_DBT).parent
    settings = {
        "spark.driver.memory": "2g",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": f"file:{home}/events",
        "spark.eventLog.enabled": "true",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.ui.enabled": "false",
    }
    options = ["--master", "local[2]", "--class", SERVER]
    options += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    server_options = ["--hiveconf", f"hive.server2.thrift.port={port}"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [str(scripts / "spark-submit"), *options, "spark-internal", *server_options],
            cwd=home,
            env=os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the Thrift server did not start; its log is {home / 'server.log'}")
            time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
        return True
    return False

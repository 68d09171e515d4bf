"""A real server process for each test, on loopback, killed at the end whatever happens."""

import json
import subprocess
import time
from pathlib import Path

import pytest

BINARY = Path(__file__).resolve().parents[2] / "target" / "debug" / "fusion-fixture"
START_TIMEOUT_S = 60


class Server:
    """The fixture application on a data folder of its own."""

    def __init__(self, folder: Path):
        self.data = folder / "data"
        self.port = 0
        self.start()

    def start(self) -> None:
        ready_file = self.data.with_suffix(".ready.json")
        ready_file.unlink(missing_ok=True)
        log = open(self.data.with_suffix(".log"), "ab")
        flags = ["--interface", "127.0.0.1", "--port", str(self.port), "--site-port", "0"]
        flags += ["--data-dir", self.data, "--ready-file", ready_file]
        self.process = subprocess.Popen([BINARY, *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.data.with_suffix(".log").read_text()
            try:
                ready = json.loads(ready_file.read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.01)
                continue
            self.url = ready["url"].rstrip("/")
            self.port = int(self.url.rsplit(":", 1)[1])
            return
        raise TimeoutError("the server was not ready in time")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    assert BINARY.exists(), f"{BINARY} is missing: run `make test-python`, which builds it first"
    running = Server(tmp_path)
    yield running
    running.kill()

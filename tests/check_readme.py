"""Runs every command of README.md, in order, as a newcomer would.

The blocks marked `sh` are run in one shell against the server that the block marked `sh server` starts. Only where
things are is changed: a free port, a data directory of its own, and the password that the server wrote.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks() -> tuple[str, list[str]]:
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"^```sh( server)?\n(.*?)^```", text, re.M | re.S)
    servers = [body.strip() for server, body in found if server]
    assert len(servers) == 1, "README.md starts one server"
    return servers[0], [body for server, body in found if not server]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_ready(port: int, server: subprocess.Popen, deadline: float) -> None:
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server is not ready in time")


def main() -> int:
    start, steps = blocks()
    port = free_port()
    passed = 0
    with tempfile.TemporaryDirectory() as data:
        env = os.environ | {"VELOX_DATA_DIR": data, "VELOX_SERVER_PORT": str(port)}
        server = subprocess.Popen(["bash", "-c", f"exec {start}"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
        try:
            wait_ready(port, server, time.monotonic() + 1200)
            password = re.search(r"password\s+(\S+)", (Path(data) / "first-sign-in.txt").read_text())[1]
            marked = "\n".join(f"echo '=== step {n}'\n{step}" for n, step in enumerate(steps))
            script = marked.replace(":3000", f":{port}").replace(
                "read -r -p 'password: ' PASSWORD", f"PASSWORD={password}"
            )
            run = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, timeout=600
            )
            print(run.stdout)
            print(run.stderr, file=sys.stderr)
            assert run.returncode == 0, f"a command of the README failed with {run.returncode}"
            passed += len(steps)
            for expected in [
                '"symbol":"BTC-PERP"',
                '"rule":"buying_power"',
                '"client_order_id":"my-first"',
                '"type":"snapshot"',
                '"side":"long"',
            ]:
                assert expected in run.stdout, f"{expected} is not in what the commands print"
                passed += 1
        finally:
            server.terminate()
            server.wait(timeout=60)
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A running Velox and somebody who is signed in: what every check needs."""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
TIER = os.environ.get("VELOX_TEST_TIER", "default")
OWNER = "owner@velox.localhost"
START_WITHIN_S = 30


def binary() -> str:
    """The binary to test: xtask names it."""
    return os.environ.get("VELOX_TEST_BIN", str(ROOT / "target/debug/velox"))


class Server:
    """A `velox` on a data directory of its own and a free port. Ends with the `with` block."""

    def __init__(self, settings: dict[str, object] | None = None, data_dir: str | None = None):
        self._owns_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="velox-check-")
        unlimited = {f"limits.{name}_per_minute": 0 for name in ("requests", "orders", "logins")}
        self._settings = unlimited | {"auth.registration": "true"} | (settings or {})
        self._log: list[str] = []
        self.process: subprocess.Popen | None = None
        self.address = ""

    def __enter__(self) -> "Server":
        command = [binary(), "--data-dir", self.data_dir, "--port", "0", *self.sets]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("VELOX_")}
        self.process = subprocess.Popen(
            command,
            cwd=self.data_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        found: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read_log, args=(found,), daemon=True).start()
        try:
            address = found.get(timeout=START_WITHIN_S)
        except queue.Empty:
            address = None
        if address is None:
            self.__exit__()
            raise RuntimeError("velox did not start:\n" + self.log_end())
        self.address = address
        return self

    def _read_log(self, found: queue.Queue) -> None:
        for line in self.process.stderr:
            self._log.append(line)
            del self._log[:-2_000]
            match = re.search(r"listening on http://([0-9.:]+)", line)
            if match:
                found.put(match.group(1))
        found.put(None)

    def __exit__(self, *_) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._owns_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def terminate(self) -> None:
        """Asks it to leave in good order."""
        self.process.send_signal(signal.SIGTERM)

    def log_end(self, lines: int = 60) -> str:
        """The end of its log."""
        return "".join(self._log[-lines:])

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def sets(self) -> list[str]:
        """The flags of its settings."""
        return [part for key, value in self._settings.items() for part in ("--set", f"{key}={value}")]

    def owner_password(self) -> str:
        """The first sign-in, from the file that the first start writes when nobody watches its terminal."""
        text = (Path(self.data_dir) / "first-sign-in.txt").read_text()
        return re.search(r"password\s+(\S+)", text).group(1)


class User:
    """Somebody who is signed in. Tokens live for minutes; a new one is fetched before the old one ends."""

    def __init__(self, server: Server, email: str = OWNER, password: str | None = None):
        self.server = server
        self.email = email
        self.password = password or server.owner_password()
        self.http = httpx.Client(base_url=server.url, timeout=30)
        self.sign_in()

    def sign_in(self) -> None:
        """A session of its own."""
        answer = self.http.post("/v1/auth/login", json={"email": self.email, "password": self.password})
        answer.raise_for_status()
        self.go_on_with(answer.json())

    def go_on_with(self, tokens: dict) -> None:
        """The tokens of a session, from any answer that begins or goes on with one."""
        self._token, self.session = tokens["access_token"], tokens["session_id"]
        self._fresh_until = time.monotonic() + tokens["expires_in"] / 2

    @classmethod
    def register(cls, server: Server, email: str, password: str = "moss-kettle-arrow-pine") -> "User":
        """A new user with an organisation of their own."""
        body = {"email": email, "display_name": email.split("@")[0].title(), "password": password}
        httpx.post(f"{server.url}/v1/auth/register", json=body, timeout=30).raise_for_status()
        return cls(server, email, password)

    @property
    def token(self) -> str:
        if time.monotonic() > self._fresh_until:
            self.sign_in()
        return self._token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def call(self, method: str, path: str, **more) -> httpx.Response:
        """An answer, whatever it is."""
        return self.http.request(method, path, headers=self.headers, **more)

    def get(self, path: str, **params):
        """The body of a 200."""
        answer = self.call("GET", path, params=params)
        if answer.status_code != 200:
            raise RuntimeError(f"GET {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def log_out(self) -> None:
        """Ends the session."""
        answer = self.call("POST", "/v1/auth/logout")
        assert answer.status_code in (200, 204), answer.text

    def account(self) -> str:
        """The first account; one is opened where there is none."""
        accounts = self.get("/v1/accounts")["items"]
        if not accounts:
            made = self.call("POST", "/v1/brokers", json={"kind": "paper", "name": "Paper"})
            assert made.status_code == 201, made.text
            accounts = self.get("/v1/accounts")["items"]
        return accounts[0]["id"]

    def events(self, account: str, after: int = 0) -> list[dict]:
        """The account's log after an event, page by page."""
        events = []
        while True:
            page = self.get(f"/v1/accounts/{account}/events", after=after, limit=500)
            events += page["items"]
            if page["next"] is None:
                return events
            after = page["next"]


class Tally:
    """Counts checks, says what each found, and ends as xtask reads it."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, name: str, holds: bool, detail: object = "") -> bool:
        """Counts one check."""
        if holds:
            self.passed += 1
            print(f"ok    {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {name}: {detail}", flush=True)
        return holds

    def end(self) -> int:
        """The last line, and the exit code."""
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped", flush=True)
        return 1 if self.failed or not self.passed else 0


def pretty(value: object, most: int = 600) -> str:
    """A value as short JSON."""
    text = json.dumps(value, default=str)
    return text if len(text) <= most else text[:most] + "…"

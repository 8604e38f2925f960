"""Clients of Velox's streams as docs/streams.md describes them: WebSocket and Server-Sent Events."""

import asyncio
import json
import re
import time
from pathlib import Path

import websockets

# The servers of these checks are set to it; three silences are longer than a server waits for a slow client.
HEARTBEAT_S = 2
PRIVATE = ("orders", "positions", "alerts")


def documented_types() -> dict[str, list[str]]:
    """Which types of events each private channel carries, as the document's table says."""
    text = (Path(__file__).resolve().parent.parent / "docs/streams.md").read_text()
    rows = re.findall(r"^\| `(orders|positions|alerts)` \| [^|]* \| ([^|]*) \|", text, re.MULTILINE)
    types = {channel: re.findall(r"`([a-z_]+)`", cell) for channel, cell in rows}
    assert set(types) == set(PRIVATE) and all(types.values()), types
    return types


class Gap(AssertionError):
    """A message that does not follow the one before it."""


class Journal:
    """What one client has of one account, channel by channel, across all its connections."""

    def __init__(self, account: str, after: dict[str, int] | None = None):
        self.account = account
        self.last: dict[str, int] = dict(after or {})
        self.first: dict[str, int] = dict(after or {})
        self.events: dict[str, list[dict]] = {channel: [] for channel in PRIVATE}

    def take(self, message: dict) -> None:
        """Notes a message; raises when it is not the next one."""
        channel = message.get("channel")
        if channel not in PRIVATE or message.get("account", self.account) != self.account:
            return
        if message["type"] == "subscribed":
            known = self.last.setdefault(channel, message["seq"])
            self.first.setdefault(channel, message["seq"])
            if known != message["seq"]:
                raise Gap(f"{channel} goes on after {message['seq']} instead of {known}")
        elif message["type"] == "snapshot":
            if self.last.get(channel) != message["seq"]:
                raise Gap(f"a snapshot at {message['seq']} where {self.last.get(channel)} was said")
        elif "seq" in message:
            if message["prev_seq"] != self.last.get(channel) or message["seq"] <= message["prev_seq"]:
                raise Gap(f"{channel}: after {self.last.get(channel)} came {message['prev_seq']} -> {message['seq']}")
            self.last[channel] = message["seq"]
            self.events[channel].append(message)

    def differences(self, log: list[dict], types: dict[str, list[str]]) -> list[str]:
        """How what was received differs from the account's events of the channels' documented types."""
        found = []
        for channel, first in self.first.items():
            expected = [
                (event["seq"], event["type"], event["market_time"], event["recorded_at"], event["data"])
                for event in log
                if event["seq"] > first and event["type"] in types[channel]
            ]
            received = [
                (event["seq"], event["type"], event["market_time"], event["recorded_at"], event["data"])
                for event in self.events[channel]
            ]
            if expected != received:
                missing = [event[:2] for event in expected if event not in received][:5]
                extra = [event[:2] for event in received if event not in expected][:5]
                found.append(f"{channel}: {len(received)} of {len(expected)}, missing {missing}, extra {extra}")
        return found

    def has_all(self, log: list[dict], types: dict[str, list[str]]) -> bool:
        """Whether the newest event of each channel is there."""
        for channel in self.last:
            newest = max((event["seq"] for event in log if event["type"] in types[channel]), default=0)
            if self.last[channel] < newest:
                return False
        return True


def websocket(user, **more):
    """A WebSocket of a user; `headers={}` for one of nobody."""
    more.setdefault("headers", user.headers if user else {})
    return websockets.connect(
        more.pop("url"),
        additional_headers=more.pop("headers"),
        compression=None,
        ping_interval=None,
        max_queue=None,
        max_size=None,
        **more,
    )


async def say(socket, **message) -> None:
    """Sends a message."""
    await socket.send(json.dumps(message))


async def hear(socket, within: float = 10.0) -> dict:
    """The next message."""
    async with asyncio.timeout(within):
        return json.loads(await socket.recv())


async def hear_until(socket, wanted, within: float = 10.0) -> list[dict]:
    """The messages up to the first that is wanted."""
    heard, deadline = [], time.monotonic() + within
    while True:
        heard.append(await hear(socket, max(0.01, deadline - time.monotonic())))
        if wanted(heard[-1]):
            return heard


async def close_code(socket, within: float = 10.0) -> tuple[int, dict | None]:
    """The code that the server closes with, and its last word."""
    last = None
    try:
        async with asyncio.timeout(within):
            while True:
                last = json.loads(await socket.recv())
    except websockets.ConnectionClosed as closed:
        return (closed.rcvd.code if closed.rcvd else 1006), last


class EventSource:
    """One connection of a Server-Sent Events client: enough HTTP/1.1 to read a chunked answer, and to drop it anywhere."""

    def __init__(self, address: str, path: str, headers: dict[str, str]):
        self._host, port = address.rsplit(":", 1)
        self._port = int(port)
        lines = [f"GET {path} HTTP/1.1", f"Host: {address}", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.status, self.body = 0, b""

    async def __aenter__(self) -> "EventSource":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=2**22)
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        self.status = int(head.split(" ")[1])
        length = re.search(r"(?im)^content-length: (\d+)", head)
        if self.status != 200 and length:
            self.body = await self._reader.readexactly(int(length.group(1)))
        return self

    async def __aexit__(self, *_) -> None:
        self.drop()

    def drop(self) -> None:
        """Breaks the connection without a word."""
        self._writer.transport.abort()

    async def events(self):
        """Each event as (id, data as JSON, retry); comments as (None, None, None). Ends with the stream."""
        text = b""
        while True:
            size = int((await self._reader.readline()).strip() or b"0", 16)
            chunk = await self._reader.readexactly(size + 2)
            if size == 0:
                return
            text += chunk[:-2]
            *whole, text = text.split(b"\n\n")
            for block in whole:
                yield self._event(block.decode())

    @staticmethod
    def _event(block: str):
        fields = {"id": None, "data": None, "retry": None}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if name in fields:
                fields[name] = value
        data = json.loads(fields["data"]) if fields["data"] is not None else None
        return fields["id"], data, fields["retry"]


class RawSocket:
    """A WebSocket client that reads only when told to and answers nothing: what no library would be."""

    def __init__(self, address: str, token: str, receive_buffer: int = 4096):
        import base64
        import os
        import socket

        host, port = address.rsplit(":", 1)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(20)
        self._socket.connect((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            (
                f"GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n"
            ).encode()
        )
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self._socket.recv(4096)
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def say(self, **message) -> None:
        """Sends a short message, masked with zeros (RFC 6455 §5.3 wants a mask, not a good one)."""
        payload = json.dumps(message).encode()
        assert len(payload) < 126
        self._socket.sendall(bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    def _take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            more = self._socket.recv(65536)
            if not more:
                raise EOFError
            self._bytes += more
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def frames(self):
        """Text messages as JSON, then the close code; 1006 when there was none. Pings are not answered."""
        try:
            while True:
                first, second = self._take(2)
                length = second & 0x7F
                if length == 126:
                    length = int.from_bytes(self._take(2), "big")
                elif length == 127:
                    length = int.from_bytes(self._take(8), "big")
                payload = self._take(length)
                if first & 0x0F == 1:
                    yield json.loads(payload)
                elif first & 0x0F == 8:
                    yield int.from_bytes(payload[:2], "big")
                    return
        except (EOFError, ConnectionError):
            yield 1006

    def close(self) -> None:
        self._socket.close()

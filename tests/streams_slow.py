"""Clients that do not read, or do not answer: closed in time, and nothing lost for those who come back."""

import asyncio
import time

from velox_client import Tally, User
from velox_streams import HEARTBEAT_S, PRIVATE, Journal, RawSocket, documented_types, hear, say, websocket

# With the subscriptions before it longer than the server waits for room, and shorter than it waits to say goodbye.
STALL_S = 4


async def run(tally: Tally, user: User, account: str) -> None:
    await asyncio.gather(
        asyncio.to_thread(stalled, tally, user, account),
        asyncio.to_thread(silent, tally, user),
        listening(tally, user),
    )


def stalled(tally: Tally, user: User, account: str) -> None:
    """Asks for the whole log many times over and reads none of it for a while."""
    log = user.events(account)
    types = documented_types()
    socket = RawSocket(user.server.address, user.token)
    size = sum(len(str(event)) for event in log if event["type"] in types["orders"])
    rounds = 1 + 12_000_000 // size
    # Each subscription takes the place of the one before, once that has filled some more of the buffers in between.
    for _ in range(rounds):
        socket.say(op="subscribe", channel="orders", account=account, after=0)
        time.sleep(0.4)
    time.sleep(STALL_S)
    journal, code, heard = Journal(account, {"orders": 0}), None, 0
    trouble = None
    for frame in socket.frames():
        if isinstance(frame, int):
            code = frame
        elif frame.get("channel") == "orders":
            heard += 1
            if frame["type"] == "subscribed":
                journal = Journal(account, {"orders": 0})
            try:
                journal.take(frame)
            except AssertionError as gap:
                trouble = gap
                break
    socket.close()
    tally.check("a client that does not read is closed with 4429, or without a word", code in (4429, 1006), (code, heard, len(log), size))
    tally.check("what it had until then has no gap", trouble is None, trouble)
    asyncio.run(_rest(tally, user, account, journal, log, types))


async def _rest(tally: Tally, user: User, account: str, journal: Journal, log: list[dict], types: dict) -> None:
    had = len(journal.events["orders"])
    async with websocket(user, url=f"ws://{user.server.address}/v1/ws") as socket:
        await say(socket, op="subscribe", channel="orders", account=account, after=journal.last["orders"])
        while not journal.has_all(log, types):
            journal.take(await hear(socket))
    newest = log[-1]["seq"]
    journal.events["orders"] = [event for event in journal.events["orders"] if event["seq"] <= newest]
    trouble = journal.differences(log, types)
    tally.check("and coming back brings the rest", not trouble and had < len(log), (had, trouble))


def silent(tally: Tally, user: User) -> None:
    """Reads, and never answers a ping."""
    socket = RawSocket(user.server.address, user.token, 65536)
    began = time.monotonic()
    words = list(socket.frames())
    took = time.monotonic() - began
    socket.close()
    tally.check("a client that is silent for three heartbeats is closed with 4408", words[-1] == 4408, words[-2:])
    tally.check("not sooner and not much later", 2.5 * HEARTBEAT_S < took < 4.5 * HEARTBEAT_S, took)


async def listening(tally: Tally, user: User) -> None:
    """Only listens, to plenty; its library answers pings, so it stays."""
    async with websocket(user, url=f"ws://{user.server.address}/v1/ws") as socket:
        for channel in PRIVATE:
            await say(socket, op="subscribe", channel=channel, account=user.account())
        await say(socket, op="subscribe", channel="market-data", symbols=["BTC-PERP"])
        began = time.monotonic()
        while time.monotonic() - began < 4 * HEARTBEAT_S:
            await hear(socket, 3)
        tally.check("a client that only listens, and answers pings, stays", True)

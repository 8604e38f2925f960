"""Follows a trading account over WebSocket and Server-Sent Events, and loses the connection over and over.

Whatever happens to the connections, each channel must bring the account's events of its documented types: every one,
once, in order. The default tier drops 1,000 connections, the full tier 1,000 of each transport. A failed run is
repeated with VELOX_TEST_SEED.
"""

import asyncio
import os
import random
import sys
import time
import traceback

import httpx
import websockets

import streams_rules
import streams_slow
from velox_client import TIER, Server, Tally, User, pretty
from velox_streams import HEARTBEAT_S, PRIVATE, EventSource, Gap, Journal, documented_types, hear, say, websocket

SEED = int(os.environ.get("VELOX_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
FOLLOWERS = 5
DROPS = 1_000 // FOLLOWERS if TIER == "full" else 500 // FOLLOWERS
SYMBOL = "BTC-PERP"
LAST_WORD_WITHIN_S = 20


class Trader:
    """Places orders without a pause: filled ones, resting ones that are cancelled, denied ones, and a halt at times."""

    def __init__(self, user: User, account: str, seed: int):
        self._user, self._account, self._random = user, account, random.Random(seed)
        self._resting: list[str] = []
        self._bought = 0
        self.counts: dict[str, int] = {}
        self.stop = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._user.server.url, timeout=30) as http:
            self._http = http
            price = float(self._user.get(f"/v1/market-data/quotes/{SYMBOL}")["last"])
            self._low = str(int(price * 0.7))
            while not self.stop.is_set():
                await self._random.choices(
                    [self._market, self._limit, self._cancel, self._denied, self._halt], [5, 4, 4, 2, 0.3]
                )[0]()
                await asyncio.sleep(self._random.uniform(0, 0.03))

    async def _call(self, what: str, expected: set[int], method: str, path: str, **more) -> dict:
        answer = await self._http.request(method, path, headers=self._user.headers, **more)
        if answer.status_code not in expected:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        self.counts[what] = self.counts.get(what, 0) + 1
        return answer.json() if answer.content else {}

    async def _place(self, what: str, expected: set[int], **order) -> dict:
        body = {"account_id": self._account, "symbol": SYMBOL} | order
        return await self._call(what, expected, "POST", "/v1/orders", json=body)

    async def _market(self) -> None:
        side = "sell" if self._bought else "buy"
        await self._place("market", {201, 422}, side=side, type="market", quantity="0.01")
        self._bought = 1 - self._bought

    async def _limit(self) -> None:
        if len(self._resting) > 40:
            return await self._cancel()
        order = await self._place("limit", {201}, side="buy", type="limit", quantity="0.01", limit_price=self._low)
        self._resting.append(order["id"])

    async def _cancel(self) -> None:
        if self._resting:
            order = self._resting.pop(self._random.randrange(len(self._resting)))
            await self._call("cancel", {200, 202, 204, 409}, "DELETE", f"/v1/orders/{order}")

    async def _denied(self) -> None:
        await self._place("denied", {422}, side="buy", type="limit", quantity="1000", limit_price=self._low)

    async def _halt(self) -> None:
        path = f"/v1/accounts/{self._account}"
        await self._call("halt", {200}, "POST", f"{path}/halt", json={"mode": "halted", "reason": "A check."})
        await self._call("resume", {200}, "POST", f"{path}/resume")


class Follower:
    """One client that keeps losing its connection."""

    def __init__(self, user: User, account: str, seed: int, drops: int):
        self.user, self.account, self.random = user, account, random.Random(seed)
        self.journal = Journal(account)
        self.drops_left, self.drops = drops, 0
        self.trading_ended = asyncio.Event()
        self.log: list[dict] = []
        self.types = documented_types()

    async def run(self) -> None:
        """Connects, loses the connection, and comes back; the last connection stays until all has come."""
        while self.drops_left > 0:
            await self._bounded(self.random.expovariate(1 / 0.15))
            self.drops_left -= 1
            self.drops += 1
        await self.trading_ended.wait()
        await self._bounded(LAST_WORD_WITHIN_S)

    async def _bounded(self, seconds: float) -> None:
        """One connection, cut off in the middle of whatever it does."""
        try:
            async with asyncio.timeout(seconds):
                await self.connection()
        except TimeoutError:
            pass

    def done(self) -> bool:
        """Whether everything is there, once the trading has ended."""
        return self.trading_ended.is_set() and self.drops_left == 0 and self.journal.has_all(self.log, self.types)


class WebSocketFollower(Follower):
    async def connection(self) -> None:
        by_header = self.random.random() < 0.5
        headers = self.user.headers if by_header else {}
        socket = await websocket(None, url=f"ws://{self.user.server.address}/v1/ws", headers=headers)
        try:
            if not by_header:
                await say(socket, op="auth", token=self.user.token)
            for channel in self.random.sample(PRIVATE, 3):
                after = self.journal.last.get(channel, 0)
                await say(socket, op="subscribe", channel=channel, account=self.account, after=after)
            while not self.done():
                message = await hear(socket, LAST_WORD_WITHIN_S)
                if message["type"] in ("error", "closing"):
                    raise AssertionError(pretty(message))
                self.journal.take(message)
        finally:
            socket.transport.abort()


class EventStreamFollower(Follower):
    last_event_id: str | None = None

    async def connection(self) -> None:
        headers = dict(self.user.headers)
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        path = f"/v1/stream?channels={','.join(PRIVATE)}&accounts={self.account}"
        async with EventSource(self.user.server.address, path, headers) as source:
            if source.status != 200:
                raise AssertionError(f"{source.status} {source.body!r}")
            async for event_id, message, _ in source.events():
                if message is not None:
                    if message["type"] in ("error", "closing"):
                        raise AssertionError(pretty(message))
                    self.journal.take(message)
                self.last_event_id = event_id or self.last_event_id
                if self.done():
                    return


async def snapshots(user: User, account: str, times: int) -> list[str]:
    """Snapshots taken while orders are placed: events go on right after each, and its open orders are the log's."""
    trouble = []
    for _ in range(times):
        async with websocket(user, url=f"ws://{user.server.address}/v1/ws") as socket:
            journal = Journal(account)
            await say(socket, op="subscribe", channel="orders", account=account, snapshot=True)
            while len(journal.events["orders"]) < 4:
                message = await hear(socket)
                journal.take(message)
                if message["type"] == "snapshot":
                    state = message
        log = await asyncio.to_thread(user.events, account)
        opened = streams_rules.open_orders([event for event in log if event["seq"] <= state["seq"]])
        shown = {order["id"] for order in state["data"]}
        if opened != shown:
            trouble.append(f"at {state['seq']}: {len(shown)} shown, {len(opened)} open, {sorted(opened ^ shown)[:3]}")
        upto = journal.last["orders"]
        trouble += journal.differences([event for event in log if event["seq"] <= upto], documented_types())
    return trouble


async def campaign(tally: Tally, user: User, account: str) -> None:
    """Orders without a pause, and followers that lose their connections."""
    make = random.Random(SEED)
    trader = Trader(user, account, make.randrange(2**32))
    followers: list[Follower] = []
    for kind in (WebSocketFollower, EventStreamFollower):
        followers += [kind(user, account, make.randrange(2**32), DROPS) for _ in range(FOLLOWERS)]
    began = time.monotonic()
    trading = asyncio.create_task(trader.run())
    following = [asyncio.create_task(follower.run()) for follower in followers]
    looking = asyncio.create_task(snapshots(user, account, 10))
    while not trading.done() and (any(follower.drops_left for follower in followers) or not looking.done()):
        failed = [task for task in following if task.done() and task.exception()]
        if failed or time.monotonic() - began > 600:
            break
        await asyncio.sleep(0.1)
    trader.stop.set()
    await asyncio.wait([trading], timeout=30)
    if trading.done() and trading.exception():
        looking.cancel()  # It waits for orders that nobody places any more.
    # The broker's last reports are still on their way: the log has ended when it stays as it is.
    log = await asyncio.to_thread(user.events, account)
    while True:
        await asyncio.sleep(1)
        more = await asyncio.to_thread(user.events, account, log[-1]["seq"])
        if not more:
            break
        log += more
    for follower in followers:
        follower.log = log
        follower.trading_ended.set()
    outcomes = await asyncio.gather(*following, looking, trading, return_exceptions=True)
    took = time.monotonic() - began
    print(f"      {len(log)} events, {trader.counts}, {took:.0f} s", flush=True)

    for outcome in outcomes[len(followers) + 1 :]:
        tally.check("orders were placed all the while", not isinstance(outcome, BaseException), outcome)
    types = documented_types()
    for name, kind in (("WebSocket", WebSocketFollower), ("SSE", EventStreamFollower)):
        mine = [(follower, end) for follower, end in zip(followers, outcomes) if isinstance(follower, kind)]
        trouble = [repr(end) for _, end in mine if isinstance(end, BaseException)]
        for follower, _ in mine:
            trouble += follower.journal.differences(log, types)
        drops = sum(follower.drops for follower, _ in mine)
        received = {channel: [len(follower.journal.events[channel]) for follower, _ in mine] for channel in PRIVATE}
        tally.check(f"{name}: {drops} drops, no event lost, doubled or out of order", not trouble, trouble[:4])
        tally.check(f"{name}: as many drops as meant", drops == DROPS * FOLLOWERS, drops)
        busy = all(max(counts) > 20 for counts in received.values())
        tally.check(f"{name}: every channel had something to say", busy, received)
    looked = outcomes[len(followers)]
    tally.check("snapshots, and what follows them, agree with the log", looked == [], repr(looked))
    seen = {event["type"] for event in log}
    wanted = {"order_accepted", "order_filled", "order_canceled", "order_denied", "account_halted"}
    tally.check("the log holds every kind of order that was placed", wanted <= seen, sorted(seen))


async def run(tally: Tally) -> None:
    with Server({"streams.heartbeat_ms": HEARTBEAT_S * 1_000}) as server:
        user = User(server)
        account = user.account()
        limits = user.call("PUT", f"/v1/accounts/{account}/limits", json={"max_order_quantity": "100"})
        assert limits.status_code == 200, limits.text
        try:
            await campaign(tally, user, account)
            await streams_rules.run(tally, user, account)
            await streams_slow.run(tally, user, account)
        except Exception:
            print(server.log_end(), flush=True)
            raise
        await streams_rules.leaving(tally, server, user, account)
    await streams_rules.mute_feed(tally)
    await streams_rules.viewer(tally)


def main() -> int:
    print(f"seed {SEED} (VELOX_TEST_SEED), {DROPS * FOLLOWERS} drops of each transport", flush=True)
    tally = Tally()
    try:
        asyncio.run(run(tally))
    except (Exception, Gap, websockets.WebSocketException) as error:
        traceback.print_exc()
        tally.check("the checks ran to their end", False, repr(error))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())

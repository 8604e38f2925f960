"""The rules of docs/streams.md beside resuming: who gets in, what is refused, what closes a connection."""

import asyncio
import sqlite3
import time
from decimal import Decimal
from pathlib import Path

import websockets

from velox_client import Server, Tally, User, pretty
from velox_streams import HEARTBEAT_S, EventSource, close_code, hear, hear_until, say, websocket

SYMBOL = "BTC-PERP"


def open_orders(log: list[dict]) -> set[str]:
    """The orders that are open after these events."""
    left: dict[str, Decimal] = {}
    for event in log:
        data, order = event["data"], event["data"].get("order_id")
        match event["type"]:
            case "order_accepted":
                left[order] = Decimal(data["terms"]["quantity"])
            case "order_filled":
                left[order] = left.get(order, Decimal(0)) - Decimal(data["quantity"])
                if left[order] <= 0:
                    left.pop(order)
            case "order_canceled" | "order_expired" | "order_rejected":
                left.pop(order, None)
    return set(left)


async def run(tally: Tally, user: User, account: str) -> None:
    """Everything that one server and a few seconds can show."""
    url = f"ws://{user.server.address}/v1/ws"
    await asyncio.gather(
        signing_in(tally, user, url, account),
        refusals(tally, user, url, account),
        tenants(tally, user, url, account),
        logging_out(tally, user, account),
        quiet(tally, user, url, account),
        first_event(tally, user, account),
        market(tally, user, url),
    )


async def signing_in(tally: Tally, user: User, url: str, account: str) -> None:
    async with websocket(None, url=url) as socket:
        welcome = await hear(socket)
        tally.check("nobody yet is told so", welcome["authenticated"] is False and welcome["heartbeat_ms"] == HEARTBEAT_S * 1_000)
        await say(socket, op="auth", token="v4.public.bm9ib2R5")
        code, last = await close_code(socket)
        tally.check("a wrong token closes with 4401", code == 4401 and last["code"] == 4401, (code, last))
    async with websocket(None, url=url) as socket:
        await say(socket, op="subscribe", channel="orders", account=account)
        code, _ = await close_code(socket)
        tally.check("subscribing before signing in closes with 4401", code == 4401, code)
    try:
        async with websocket(None, url=url, headers={"Authorization": "Bearer nonsense"}):
            status = 101
    except websockets.InvalidStatus as refused:
        status = refused.response.status_code
    tally.check("a wrong token in the header is a 401", status == 401, status)
    async with websocket(None, url=f"{url}?access_token={user.token}&token={user.token}") as socket:
        welcome = await hear(socket)
        tally.check("a token in the URL signs nobody in", welcome["authenticated"] is False, welcome)
        began = time.monotonic()
        code, _ = await close_code(socket, 20)
        waited = time.monotonic() - began
        tally.check("who does not sign in within 10 s is sent away", code == 4401 and 8 < waited < 12, (code, waited))
    async with websocket(user, url=url) as socket:
        welcome = await hear(socket)
        other = await asyncio.to_thread(User, user.server)
        await say(socket, op="auth", token=other.token)
        heard = await hear_until(socket, lambda message: message["type"] != "heartbeat")
        signed_in = welcome["authenticated"] and heard[-1]["type"] == "authenticated"
        tally.check("a newer token of the same user is taken", signed_in, heard)
        await asyncio.to_thread(other.log_out)
        code, _ = await close_code(socket, 2)
        tally.check("then its session is the one that counts", code == 4403, code)


async def refusals(tally: Tally, user: User, url: str, account: str) -> None:
    newest = (await asyncio.to_thread(user.events, account))[-1]["seq"]
    wishes = [
        ("malformed_message", {"op": "dance"}),
        ("malformed_message", {"op": "subscribe", "channel": "orders", "account": account, "colour": "red"}),
        ("malformed_message", {"op": "subscribe", "channel": "weather"}),
        ("malformed_message", {"op": "subscribe", "channel": "orders", "account": account, "after": -1}),
        ("invalid_subscription", {"op": "subscribe", "channel": "orders"}),
        ("invalid_subscription", {"op": "subscribe", "channel": "orders", "account": account, "symbols": [SYMBOL]}),
        ("invalid_subscription", {"op": "subscribe", "channel": "market-data"}),
        ("invalid_subscription", {"op": "subscribe", "channel": "market-data", "symbols": [SYMBOL], "epoch": 1}),
        ("invalid_subscription", {"op": "subscribe", "channel": "market-data", "symbols": [SYMBOL], "account": account}),
        ("invalid_subscription", {"op": "subscribe", "channel": "market-data", "symbols": [SYMBOL], "epoch": 1, "offset": 1, "cursors": [{"epoch": 1, "offset": 1}]}),
        ("invalid_subscription", {"op": "subscribe", "channel": "orders", "account": account, "cursors": [{"epoch": 1, "offset": 1}]}),
        ("malformed_message", {"op": "subscribe", "channel": "market-data", "symbols": [SYMBOL], "cursors": [{"epoch": 1}]}),
        ("cursor_ahead", {"op": "subscribe", "channel": "orders", "account": account, "after": newest + 1_000_000}),
        ("not_subscribed", {"op": "unsubscribe", "channel": "orders", "account": account}),
    ]
    async with websocket(user, url=url) as socket:
        for code, wish in wishes:
            await say(socket, **wish)
            answer = (await hear_until(socket, lambda message: message["type"] not in ("welcome", "heartbeat")))[-1]
            refused = answer["type"] == "error" and answer["code"] == code and answer["detail"]
            tally.check(f"{code}: {pretty(wish, 90)}", bool(refused), answer)
        await say(socket, op="ping", id=7)
        heard = await hear_until(socket, lambda message: message["type"] == "pong")
        tally.check("the connection stays after refusals", heard[-1]["id"] == 7, heard)
        await say(socket, op="subscribe", channel="orders", account=account)
        await hear_until(socket, lambda message: message["type"] == "subscribed")
        await say(socket, op="unsubscribe", channel="orders", account=account)
        heard = await hear_until(socket, lambda message: message["type"] == "unsubscribed")
        tally.check("a subscription ends when asked to", heard[-1]["account"] == account, heard)
        await socket.send(b"\x00")
        code, _ = await close_code(socket)
        tally.check("a binary message closes with 4400", code == 4400, code)
    try:
        async with websocket(user, url=url, origin="https://elsewhere.example"):
            status = 101
    except websockets.InvalidStatus as refused:
        status = refused.response.status_code
    tally.check("a page of another origin is refused", status == 403, status)
    for query, expected in [
        ("channels=weather", 400),
        (f"channels=orders&accounts={account}x", 400),
        ("channels=market-data", 400),
        (f"channels=orders&accounts={account}&access_token={user.token}", 400),
    ]:
        async with EventSource(user.server.address, f"/v1/stream?{query}", user.headers) as source:
            tally.check(f"SSE: {expected} for {query[:40]}", source.status == expected, (source.status, source.body))
    async with EventSource(user.server.address, "/v1/stream?channels=orders", {}) as source:
        tally.check("SSE: nobody gets a 401", source.status == 401, source.status)
    headers = user.headers | {"Last-Event-ID": "never-given"}
    async with EventSource(user.server.address, "/v1/stream?channels=orders", headers) as source:
        tally.check("SSE: a strange Last-Event-ID is a 400", source.status == 400, source.status)


async def tenants(tally: Tally, user: User, url: str, account: str) -> None:
    other = await asyncio.to_thread(User.register, user.server, "mallory@example.com")
    async with websocket(other, url=url) as socket:
        for channel in ("orders", "positions", "alerts"):
            await say(socket, op="subscribe", channel=channel, account=account, after=0, snapshot=True)
            answer = (await hear_until(socket, lambda message: message["type"] not in ("welcome", "heartbeat")))[-1]
            refused = answer["type"] == "error" and answer["code"] == "not_found"
            tally.check(f"another tenant's {channel} are not found", refused, answer)
    async with EventSource(other.server.address, f"/v1/stream?channels=orders&accounts={account}", other.headers) as it:
        tally.check("SSE: another tenant's account is a 404", it.status == 404, (it.status, it.body))


async def logging_out(tally: Tally, user: User, account: str) -> None:
    leaver = await asyncio.to_thread(User, user.server)
    url = f"ws://{user.server.address}/v1/ws"
    path = f"/v1/stream?channels=orders,market-data&symbols={SYMBOL}&accounts={account}"
    async with (
        websocket(leaver, url=url) as socket,
        websocket(user, url=url) as stays,
        EventSource(user.server.address, path, leaver.headers) as source,
    ):
        await say(socket, op="subscribe", channel="market-data", symbols=[SYMBOL])
        events = source.events()
        await anext(events)
        await asyncio.to_thread(leaver.log_out)
        began = time.monotonic()
        (code, last), words = await asyncio.gather(close_code(socket), _rest(events))
        took = time.monotonic() - began
        tally.check("logging out closes the WebSocket with 4403", code == 4403 and "reconnect_after_ms" not in last, code)
        word = words[-1]
        tally.check("and ends the event stream with its last word", word["reason"] == "session_ended", word)
        tally.check("both within a second", took < 1, took)
        await say(stays, op="ping")
        heard = await hear_until(stays, lambda message: message["type"] == "pong")
        tally.check("another session of the user stays", bool(heard))


async def _rest(events) -> list[dict]:
    return [data async for _, data, _ in events if data]


async def quiet(tally: Tally, user: User, url: str, account: str) -> None:
    async with websocket(user, url=url) as socket:
        await hear(socket)
        times = [time.monotonic()]
        for _ in range(4):
            message = await hear(socket, 2 * HEARTBEAT_S)
            tally.check("a quiet connection brings heartbeats", message["type"] == "heartbeat" and message["at"], message)
            times.append(time.monotonic())
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        tally.check("one a heartbeat's time", all(0.5 * HEARTBEAT_S < gap < 1.5 * HEARTBEAT_S for gap in gaps), gaps)
    path = f"/v1/stream?channels=positions&accounts={account}"
    async with EventSource(user.server.address, path, user.headers) as source:
        comments, began = 0, time.monotonic()
        async for _, data, _ in source.events():
            comments += data is None
            if comments == 2:
                break
        took = time.monotonic() - began
        tally.check("SSE: a quiet stream brings comments", HEARTBEAT_S < took < 3 * HEARTBEAT_S, took)


async def first_event(tally: Tally, user: User, account: str) -> None:
    """Whoever was told only that the subscriptions began resumes all of them."""
    path = f"/v1/stream?channels=orders,alerts&accounts={account}"
    async with EventSource(user.server.address, path, user.headers) as source:
        event_id, first, _ = await anext(source.events())
    order = {"account_id": account, "symbol": SYMBOL, "side": "buy", "type": "limit"}
    over = order | {"quantity": "1000", "limit_price": "100"}
    denied = await asyncio.to_thread(user.call, "POST", "/v1/orders", json=over)
    tally.check("an order over the limit is denied", denied.status_code == 422, denied.text)
    headers = user.headers | {"Last-Event-ID": event_id or ""}
    got: dict[str, list[str]] = {"orders": [], "alerts": []}
    async with EventSource(user.server.address, path, headers) as source, asyncio.timeout(5):
        async for _, data, _ in source.events():
            if data and "prev_seq" in data:
                got[data["channel"]].append(data["type"])
            if all(got.values()):
                break
    tally.check("SSE: one event's id resumes every channel", got["alerts"] == ["order_denied"], (first, got))


async def market(tally: Tally, user: User, url: str) -> None:
    async with websocket(user, url=url) as steady, websocket(user, url=url) as socket:
        for each in (steady, socket):
            await say(each, op="subscribe", channel="market-data", symbols=[SYMBOL])
        seen: list[dict] = []
        began = time.monotonic()
        while time.monotonic() - began < 4:
            seen.append(await hear(socket, 5))
        before = [message for message in seen if "offset" in message]
        socket.transport.abort()
        await asyncio.sleep(2)
        async with websocket(user, url=url) as again:
            cursor = {"epoch": before[-1]["epoch"], "offset": before[-1]["offset"]}
            await say(again, op="subscribe", channel="market-data", symbols=[SYMBOL], **cursor)
            heard, began = [], time.monotonic()
            while time.monotonic() - began < 6:
                heard.append(await hear(again, 5))
            answer = next(message for message in heard if message["type"] == "subscribed")
            tally.check("market data are resumed by epoch and offset", answer["resumed"] is True, answer)
            after = [message for message in heard if "offset" in message]
            await say(steady, op="ping", id=1)
            everything = await hear_until(steady, lambda message: message["type"] == "pong")
        offsets = [message["offset"] for message in before + after]
        steadily = [message["offset"] for message in everything if "offset" in message]
        first, last = max(offsets[0], steadily[0]), min(offsets[-1], steadily[-1])
        ours, theirs = ([offset for offset in each if first <= offset <= last] for each in (offsets, steadily))
        whole = ours == theirs and last > after[0]["offset"]
        tally.check("without a gap and without a repeat", whole, (ours, theirs))
        ticks = [message for message in before + after if message["type"] in ("trade", "quote")]
        tally.check("the market moves at least once a second", len(ticks) >= 11, len(ticks))
        fresh = all(message["symbol"] == SYMBOL and message["stale"] is False for message in ticks)
        tally.check("its messages name symbol and freshness", fresh, ticks[:2])
        # Of another part of the market: the rest of its epoch by twelve is another one.
        cursors = [cursor, {"epoch": cursor["epoch"] + 1, "offset": 5}]
        await say(steady, op="subscribe", channel="market-data", symbols=[SYMBOL], cursors=cursors)
        heard = await hear_until(steady, lambda message: message["type"] == "subscribed")
        tally.check("of several cursors each symbol has its own", heard[-1]["resumed"] is True, heard[-1])
        await say(steady, op="subscribe", channel="market-data", symbols=[SYMBOL], epoch=1, offset=1)
        heard = await hear_until(steady, lambda message: message["type"] == "subscribed")
        tally.check("a cursor of another life is said to be none", heard[-1]["resumed"] is False, heard[-1])
        newest = (await hear_until(steady, lambda message: "offset" in message))[-1]
        tally.check("and the newest come instead", newest["offset"] >= offsets[0], newest)


async def leaving(tally: Tally, server: Server, user: User, account: str) -> None:
    """On shutdown both transports say so, and when to come back."""
    path = f"/v1/stream?channels=orders&accounts={account}"
    async with (
        websocket(user, url=f"ws://{server.address}/v1/ws") as socket,
        EventSource(server.address, path, user.headers) as source,
    ):
        events = source.events()
        await anext(events)
        server.terminate()
        code, last = await close_code(socket)
        told = code == 1012 and last["reason"] == "shutting_down" and 0 <= last["reconnect_after_ms"] < 2000
        tally.check("a leaving server closes with 1012 and says when to come back", told, (code, last))
        words = [(data, retry) async for _, data, retry in events if data]
        data, retry = words[-1]
        told = data["reason"] == "shutting_down" and retry == str(data["reconnect_after_ms"])
        tally.check("SSE: with its last word and a retry time", told, words[-1])
    status = await asyncio.to_thread(server.process.wait, 20)
    tally.check("and leaves in good order", status == 0, status)


async def mute_feed(tally: Tally) -> None:
    """A price counts as stale long before the demo's next tick: the feed goes mute and comes back all the time."""
    with Server({"market.stale_after_ms": 100}) as server:
        user = User(server)
        account = user.account()
        async with websocket(user, url=f"ws://{server.address}/v1/ws") as socket:
            await say(socket, op="subscribe", channel="alerts", account=account)
            await say(socket, op="subscribe", channel="market-data", symbols=[SYMBOL])
            heard: list[dict] = []
            kinds: set = set()
            while not kinds >= {("alerts", "feed_stale"), ("alerts", "feed_recovered"), ("market-data", "stale")}:
                heard.append(await hear(socket, 15))
                kinds.add((heard[-1].get("channel"), heard[-1]["type"]))
                if len(heard) > 500:
                    break
            told = [message for message in heard if message["type"] in ("feed_stale", "feed_recovered")]
            words = [message["type"] for message in told]
            turns = all(one != other for one, other in zip(words, words[1:]))
            tally.check("alerts tell of a mute feed and of its return, in turn", len(words) >= 2 and turns, words)
            no_log = all("seq" not in message and "account" not in message for message in told)
            tally.check("they are no part of an account's log", no_log and told[0]["symbol"] == SYMBOL, told[:1])
            flags = [message["stale"] for message in heard if message["type"] == "stale"]
            tally.check("market data carry the flag", True in flags, flags)


async def viewer(tally: Tally) -> None:
    """Somebody who may only look follows everything and changes nothing."""
    with Server() as server:
        user = User.register(server, "vera@example.com")
        account = user.account()
        server.terminate()
        server.process.wait(20)
        for file in Path(server.data_dir).glob("*.db"):
            with sqlite3.connect(file) as database:
                database.execute("update users set role = 'viewer' where email = 'vera@example.com'")
        with Server(data_dir=server.data_dir) as again:
            looker = User(again, user.email, user.password)
            async with websocket(looker, url=f"ws://{again.address}/v1/ws") as socket:
                for channel in ("orders", "positions", "alerts"):
                    await say(socket, op="subscribe", channel=channel, account=account, after=0)
                await say(socket, op="subscribe", channel="market-data", symbols=[SYMBOL])
                wanted = {"orders", "positions", "alerts", "market-data"}
                while wanted:
                    message = await hear(socket)
                    if message["type"] == "subscribed":
                        wanted.discard(message["channel"])
                tally.check("a viewer follows every channel", not wanted)
            order = {"account_id": account, "symbol": SYMBOL, "side": "buy", "type": "market", "quantity": "0.01"}
            answer = looker.call("POST", "/v1/orders", json=order)
            tally.check("and places no order", answer.status_code == 403, answer.text)

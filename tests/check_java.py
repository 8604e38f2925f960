"""A Java service in the place of Velox's market data, and one that counts fills: docs/examples/java-processor, as built.

Builds the example, starts it beside a Velox with `market.feed=topic`, trades on the market that it tells, and kills either
of its modes. Needs Maven, a JDK, VELOX_TEST_KAFKA_BROKERS and VELOX_TEST_SCHEMA_REGISTRY_URL.
"""

import collections
import datetime
import decimal
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from velox_client import ROOT, Server, Tally, User

BROKERS = os.environ["VELOX_TEST_KAFKA_BROKERS"]
REGISTRY = os.environ["VELOX_TEST_SCHEMA_REGISTRY_URL"]
PREFIX = f"check-{uuid.uuid4().hex[:12]}"
SYMBOL = "BTC-PERP"
SEED = "7"
EXAMPLE = ROOT / "docs/examples/java-processor"
BUILT = ROOT / "target/java-processor"
BUILD_WITHIN_S = 600
PATIENCE_S = 60
# Orders in a burst: enough that a kill meets the consumer at work.
BURST = 25


def topic(word: str) -> str:
    return f"{PREFIX}.{word}.v1"


def until(what: str, reached, within: float = PATIENCE_S):
    """Waits for a condition, and answers what it found."""
    deadline = time.monotonic() + within
    while not (found := reached()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.05)
    return found


def build() -> None:
    """Makes the jar, outside of the sources. What Maven fetched once it keeps."""
    for program, package in [("mvn", "maven"), ("javac", "default-jdk-headless")]:
        assert shutil.which(program), f"{program} is not installed: apt-get install --yes {package}"
    command = ["mvn", "-q", "-B", "package", f"-Dbuild.folder={BUILT}"]
    run = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=BUILD_WITHIN_S)
    assert run.returncode == 0, run.stdout[-4_000:] + run.stderr[-4_000:]


class Java:
    """One process of the example. Ends with the `with` block."""

    def __init__(self, mode: str, folder: str):
        settings = {"KAFKA_BROKERS": BROKERS, "SCHEMA_REGISTRY_URL": REGISTRY, "TOPIC_PREFIX": PREFIX}
        settings |= {"SEED": SEED, "GROUP": f"{PREFIX}-fills", "DATABASE": str(Path(folder) / "fills.db")}
        self.process = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-jar", str(BUILT / "java-processor.jar"), mode],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: collections.deque[str] = collections.deque(maxlen=2_000)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def starting(self, words: str) -> list[str]:
        """The lines so far that start so; fails when the process has ended unasked."""
        if self.process.poll() not in (None, -signal.SIGKILL, 143):
            raise AssertionError(f"it ended with {self.process.returncode}: {list(self.lines)[-30:]}")
        return [line for line in self.lines.copy() if line.startswith(words)]

    def end(self, how: signal.Signals) -> int:
        """Sends a signal and waits for the end; answers the exit code."""
        self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        return code

    def __enter__(self) -> "Java":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


class Reader:
    """Reads a topic from its beginning, with Confluent's own deserializer."""

    def __init__(self, word: str):
        self._decode = AvroDeserializer(SchemaRegistryClient({"url": REGISTRY}))
        settings = {"bootstrap.servers": BROKERS, "group.id": f"{PREFIX}-{word}", "auto.offset.reset": "earliest"}
        self._consumer = Consumer(settings)
        self._consumer.subscribe([topic(word)])
        self.records = []
        self.messages: list[dict] = []

    def find(self, wanted) -> dict | None:
        """Reads some of what has come; the first message so far that is wanted."""
        for record in self._consumer.consume(500, 0.1):
            if record.error():
                raise KafkaException(record.error())
            context = SerializationContext(record.topic(), MessageField.VALUE)
            self.messages.append(self._decode(record.value(), context))
            self.records.append(record)
        return next(filter(wanted, self.messages), None)


class Check:
    """The processes, and the steps in their order."""

    def __init__(self, server: Server):
        self.server = server
        self.user = User(server)
        self.account = self.user.account()
        self.market, self.orders = Reader("market-data"), Reader("orders")
        self.placed = 0

    def quote(self) -> dict | None:
        """The newest price, once there is one."""
        answer = self.user.call("GET", f"/v1/market-data/quotes/{SYMBOL}")
        assert answer.status_code in (200, 404), answer.text
        return answer.json() if answer.status_code == 200 and answer.json()["bid"] else None

    def quote_after(self, at: str) -> dict:
        """A price of after some moment."""
        later = lambda: (quote := self.quote()) and quote["at"] > at and quote
        return until("a newer price", later)

    def place(self, count: int) -> list[str]:
        """Places market orders, and answers their ids."""
        order = {"account_id": self.account, "symbol": SYMBOL, "side": "buy", "type": "market", "quantity": "0.001"}
        answers = [self.user.call("POST", "/v1/orders", json=order) for _ in range(count)]
        assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers][:3]
        self.placed += count
        return [answer.json()["id"] for answer in answers]

    def filled(self, order: str) -> dict:
        """The order, once it is filled."""
        get = lambda: self.user.get(f"/v1/orders/{order}")
        return until("the fill", lambda: (found := get())["status"] == "filled" and found)

    def told(self, epoch: int, offset: int) -> dict:
        """What the service told at a place of its feed."""
        place = lambda message: (message["feed_epoch"], message["feed_offset"]) == (epoch, offset)
        return until(f"the event {epoch}-{offset}", lambda: self.market.find(place))

    def prices_come(self) -> None:
        """The API shows a quote that the service told."""
        quote = until("a price", self.quote)
        assert not quote["stale"], quote
        at = datetime.datetime.fromisoformat(quote["at"])
        match = lambda message: message["type"] == "quote" and message["at"] == at
        message = until("the quote on the topic", lambda: self.market.find(match))
        for field in ("bid", "bid_size", "ask", "ask_size"):
            assert message["quote"][field] == decimal.Decimal(quote[field]), (field, message, quote)
        record = self.market.records[0]
        headers = dict(record.headers())
        assert record.key() == SYMBOL.encode() and headers["content-type"] == b"application/vnd.confluent.avro", headers
        assert headers["event_id"].decode() == str(self.market.messages[0]["event_id"]), headers

    def fills_at_its_price(self) -> None:
        """A market order fills at the price of one event of the service, and names it."""
        order = self.filled(self.place(1)[0])
        name = lambda message: message["type"] == "order_filled" and message["order"]["client_order_id"]
        own = lambda message: name(message) == order["client_order_id"]
        fill = until("the fill on the topic", lambda: self.orders.find(own))["fill"]
        message = self.told(fill["feed_epoch"], fill["feed_offset"])
        price = message["trade"]["price"] if message["type"] == "trade" else message["quote"]["ask"]
        assert fill["price"] == price == decimal.Decimal(order["average_price"]), (fill, message)

    def goes_on_after_a_kill(self, killed: Java, started) -> None:
        """A new start is a new epoch, in which prices and fills go on; the same seed tells the same walk."""
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        market = started()
        said = until("the second start", lambda: market.starting("market: "))[0]
        epoch = int(said.rsplit(" ", 1)[1])
        first = self.market.messages[0]["feed_epoch"]
        assert epoch > first, (epoch, first)
        self.quote_after(self.told(epoch, 1)["at"].isoformat().replace("+00:00", "Z"))
        self.fills_at_its_price()
        self.told(epoch, 30)
        walks = {epoch: self.walk(epoch), first: self.walk(first)}
        for walk in walks.values():
            assert [message["feed_offset"] for message in walk] == list(range(1, len(walk) + 1)), "a hole"
        prices = [[message["trade"]["price"] for message in walk if message["trade"]] for walk in walks.values()]
        length = min(len(walk) for walk in prices)
        assert length >= 5 and prices[0][:length] == prices[1][:length], prices
        assert len(set(prices[0])) > 1, prices

    def walk(self, epoch: int) -> list[dict]:
        """What was told in an epoch, as far as it was read."""
        return [message for message in self.market.messages if message["feed_epoch"] == epoch]

    def count_each_once(self, killed: Java, started) -> None:
        """Fills are counted once while the consumer is killed between them, and when a record comes twice."""
        printed = []
        for _ in range(2):
            self.place(BURST)
            # Not before it has begun to count them, and not when it is done.
            until("a fill that is printed", lambda: killed.starting("fill "))
            killed.end(signal.SIGKILL)
            printed += killed.starting("fill ")
            killed = started()
        broken, again = self.write_again_and_broken()
        self.place(1)
        until("all fills", lambda: len(self.rows("fills")) >= self.placed)
        words = f"fills: unreadable, partition {broken[0]} offset {broken[1]}"
        until("the unreadable record", lambda: killed.starting(words))
        self.all_read(again)
        logged = [event for event in self.user.events(self.account) if event["type"] == "order_filled"]
        counted = self.rows("fills")
        assert len(logged) == self.placed, (len(logged), self.placed)
        assert sorted(row["seq"] for row in counted) == [event["seq"] for event in logged], counted
        held = self.user.call("GET", f"/v1/positions?account_id={self.account}").json()["items"][0]
        (total,) = self.rows("totals")
        assert total["fills"] == self.placed, (total, self.placed)
        assert decimal.Decimal(total["net"]) == decimal.Decimal(held["quantity"]), (total, held)
        printed += until("the last line", lambda: (lines := killed.starting("fill ")) and lines)
        assert len(set(printed)) == len(printed), "a fill was printed twice"

    def write_again_and_broken(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Repeats a record of a fill, as Velox may, and writes one that nobody can read. Answers where they stand."""
        fills = lambda: [
            record
            for record, message in zip(self.orders.records, self.orders.messages, strict=True)
            if message["type"] == "order_filled"
        ]
        until("a fill on the topic", lambda: self.orders.find(lambda _: False) or fills())
        repeated, places = fills()[0], []
        producer = Producer({"bootstrap.servers": BROKERS})
        for value in (b"no message at all", repeated.value()):
            note = lambda error, record: places.append((error, record.partition(), record.offset()))
            producer.produce(topic("orders"), key=repeated.key(), value=value, on_delivery=note)
        assert producer.flush(PATIENCE_S) == 0 and not any(error for error, *_ in places), places
        return tuple(place[1:] for place in places)

    def all_read(self, place: tuple[int, int]) -> None:
        """Waits until a record has been read by the consumer that is checked."""
        passed = lambda row: row["partition"] == place[0] and row["next"] > place[1]
        until("the repeated record", lambda: any(map(passed, self.rows("places"))))

    def rows(self, table: str) -> list[dict]:
        """What the consumer keeps."""
        with sqlite3.connect(Path(self.server.data_dir) / "fills.db", timeout=10) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]

    def ends_in_good_order(self, market: Java, fills: Java) -> None:
        """SIGTERM: what was told is on the topic, what was read is kept, the dead letter is where it belongs."""
        assert market.end(signal.SIGTERM) == 143 and fills.end(signal.SIGTERM) == 143
        (said,) = market.starting("market: ended after ")
        epoch, count = int(market.starting("market: ")[0].rsplit(" ", 1)[1]), int(said.split()[3])
        self.told(epoch, count)
        assert [message["feed_offset"] for message in self.walk(epoch)] == list(range(1, count + 1)), said
        assert fills.starting("fills: ended, ") == [f"fills: ended, {self.placed} of {SYMBOL}, net {self.net()}"]
        settings = {"bootstrap.servers": BROKERS, "group.id": f"{PREFIX}-letters", "auto.offset.reset": "earliest"}
        letters = Consumer(settings)
        letters.subscribe([f"{topic('orders')}.dead-letters"])
        (letter,) = until("the dead letter", lambda: letters.consume(1, 1.0))
        letters.close()
        assert letter.value() == b"no message at all", letter.value()
        assert dict(letter.headers())["dead-letter-topic"] == topic("orders").encode(), letter.headers()

    def net(self) -> str:
        """The sum of what was bought, as the service prints it."""
        return format(decimal.Decimal(self.rows("totals")[0]["net"]).normalize(), "f")


def main() -> int:
    tally = Tally()
    settings = {"kafka.brokers": BROKERS, "kafka.registry_url": REGISTRY, "kafka.topic_prefix": PREFIX}
    settings |= {"kafka.partitions": 4, "market.feed": "topic", "paper.slippage_bps": 0}
    running: dict[str, Java] = {}
    try:
        build()
        tally.check("it builds", True)
        with Server(settings) as server:

            def start(mode: str) -> Java:
                running[mode] = Java(mode, server.data_dir)
                return running[mode]

            try:
                start("market")
                start("fills")
                check = Check(server)
                goes_on = lambda: check.goes_on_after_a_kill(running["market"], lambda: start("market"))
                counts = lambda: check.count_each_once(running["fills"], lambda: start("fills"))
                steps = {
                    "its prices are Velox's": check.prices_come,
                    "an order fills at its price": check.fills_at_its_price,
                    "killed and started, it goes on": goes_on,
                    "each fill counts once": counts,
                    "both end in good order": lambda: check.ends_in_good_order(running["market"], running["fills"]),
                }
                for name, step in steps.items():
                    began = time.monotonic()
                    step()
                    tally.check(name, True)
                    print(f"      {time.monotonic() - began:.1f} s", flush=True)
            except Exception:
                print(server.log_end())
                for mode, java in running.items():
                    print(f"{mode}:", *list(java.lines)[-20:], sep="\n  ")
                raise
            finally:
                for java in running.values():
                    java.__exit__()
    except Exception:
        tally.check("the Java service", False, traceback.format_exc())
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())

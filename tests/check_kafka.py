"""The topics as a program of somebody else sees them: Confluent's own client and serializers for Python.

Reads what Velox publishes on its topics with the schemas of the registry, compares it with the API, and writes a message to
every topic that Velox reads in turn (`velox topic`). Needs VELOX_TEST_KAFKA_BROKERS and VELOX_TEST_SCHEMA_REGISTRY_URL.
"""

import datetime
import decimal
import json
import os
import subprocess
import sys
import time
import traceback
import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from velox_client import Server, Tally, User, binary

BROKERS = os.environ["VELOX_TEST_KAFKA_BROKERS"]
REGISTRY = os.environ["VELOX_TEST_SCHEMA_REGISTRY_URL"]
PREFIX = f"check-{uuid.uuid4().hex[:12]}"
WORDS = ["market-data", "indicators", "signals", "orders", "positions", "alerts", "strategies"]
SYMBOL = "BTC-PERP"
PATIENCE_S = 60


def topic(word: str) -> str:
    return f"{PREFIX}.{word}.v1"


class Reader:
    """Reads topics from their beginning, as a member of a group of its own."""

    def __init__(self, registry: SchemaRegistryClient, *words: str):
        self._decode = AvroDeserializer(registry)
        self.group = f"check-{uuid.uuid4().hex[:12]}"
        settings = {"bootstrap.servers": BROKERS, "group.id": self.group, "auto.offset.reset": "earliest"}
        self._consumer = Consumer(settings)
        self._consumer.subscribe([topic(word) for word in words])
        self.messages: dict[str, list[dict]] = {word: [] for word in words}

    def until(self, what: str, reached) -> None:
        """Reads until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come: {({word: len(all) for word, all in self.messages.items()})}")
            record = self._consumer.poll(0.2)
            if record is None:
                continue
            if record.error():
                raise KafkaException(record.error())
            word = record.topic().split(".")[1]
            context = SerializationContext(record.topic(), MessageField.VALUE)
            message = self._decode(record.value(), context)
            headers = dict(record.headers())
            assert headers["event_id"].decode() == str(message["event_id"]), headers
            assert headers["content-type"] == b"application/vnd.confluent.avro", headers
            self.messages[word].append(message | {"key": record.key().decode()})

    def close(self) -> None:
        self._consumer.commit(asynchronous=False)
        self._consumer.close()


def trade(user: User, account: str) -> None:
    """An order that fills, one that rests and is cancelled, and one that is denied."""
    place = lambda **order: user.call("POST", "/v1/orders", json={"account_id": account, "symbol": SYMBOL} | order)
    filled = place(side="buy", type="market", quantity="0.01").json()
    rests = place(side="buy", type="limit", quantity="0.02", limit_price="1000").json()
    denied = place(side="buy", type="limit", quantity="100000", limit_price="1000")
    assert denied.status_code == 422, denied.text
    deadline = time.monotonic() + PATIENCE_S
    while user.get(f"/v1/orders/{filled['id']}")["status"] != "filled":
        assert time.monotonic() < deadline, "it does not fill"
        time.sleep(0.05)
    while user.get(f"/v1/orders/{rests['id']}")["status"] != "new":
        assert time.monotonic() < deadline, "it does not rest"
        time.sleep(0.05)
    user.call("DELETE", f"/v1/orders/{rests['id']}")
    while user.get(f"/v1/orders/{rests['id']}")["status"] != "canceled":
        assert time.monotonic() < deadline, "it is not cancelled"
        time.sleep(0.05)


def check_what_velox_writes(user: User, account: str, registry: SchemaRegistryClient) -> None:
    """Every event of the log stands on the topics, in order, with exact numbers."""
    events = user.get(f"/v1/accounts/{account}/events?limit=500")["items"]
    reader = Reader(registry, "orders", "positions", "alerts")
    orders = reader.messages["orders"]
    reader.until("every event", lambda: len(orders) >= len(events))
    assert [message["seq"] for message in orders] == [event["seq"] for event in events]
    assert [message["type"] for message in orders] == [event["type"] for event in events]
    assert {message["key"] for message in orders} == {str(orders[0]["account_id"])}
    fill = next(message for message in orders if message["type"] == "order_filled")
    trade = user.get(f"/v1/trades?account_id={account}")["items"][0]
    assert fill["fill"]["price"] == decimal.Decimal(trade["price"]), (fill, trade)
    assert fill["fill"]["quantity"] == decimal.Decimal("0.01")
    assert isinstance(fill["market_time"], datetime.datetime) and isinstance(fill["event_id"], uuid.UUID)
    assert fill["order"]["status"] == "filled"
    held = user.call("GET", f"/v1/positions?account_id={account}").json()["items"][0]
    moved = [event["seq"] for event in events if event["type"] in ("account_opened", "order_filled")]
    positions = reader.messages["positions"]
    reader.until("every position", lambda: len(positions) >= len(moved))
    assert [message["seq"] for message in positions] == moved
    assert positions[-1]["positions"][0]["quantity"] == decimal.Decimal(held["quantity"])
    alerts = reader.messages["alerts"]
    reader.until("the alert", lambda: any(message["type"] == "order_denied" for message in alerts))
    reader.close()
    # The usual tools see the group and how far it is.
    admin = AdminClient({"bootstrap.servers": BROKERS})
    groups = admin.list_consumer_groups().result().valid
    assert reader.group in [group.group_id for group in groups]
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(reader.group)])
    noted = sum(part.offset for part in asked[reader.group].result().topic_partitions if part.topic == topic("orders"))
    assert noted == len(orders), (noted, len(orders))


def check_the_market_that_velox_writes(user: User, registry: SchemaRegistryClient) -> None:
    """What the feed says stands under its symbol, in order, with the prices that the API shows."""
    shown = user.get(f"/v1/market-data/quotes/{SYMBOL}")
    number = lambda name: decimal.Decimal(shown[name])
    reader = Reader(registry, "market-data")
    told = reader.messages["market-data"]
    of = lambda kind: [message[kind] for message in told if message["symbol"] == SYMBOL and message["type"] == kind]
    quote = {name: number(name) for name in ("bid", "bid_size", "ask", "ask_size")}
    last = {"price": number("last"), "quantity": number("last_size")}
    holds = lambda all, wanted: any(wanted.items() <= one.items() for one in all)
    reader.until("the quote that the API shows", lambda: holds(of("quote"), quote))
    reader.until("the trade that the API shows", lambda: holds(of("trade"), last))
    reader.close()
    assert all(message["key"] == message["symbol"] for message in told)
    places = [(message["epoch"], message["offset"]) for message in told if message["symbol"] == SYMBOL]
    assert places == sorted(set(places)), places


def check_the_group_of_velox() -> None:
    """The usual tools see the group that watches accounts: who is in it, what each has, and that nothing waits."""
    admin = AdminClient({"bootstrap.servers": BROKERS})
    group, name = f"{PREFIX}-risk", topic("orders")
    deadline = time.monotonic() + PATIENCE_S
    expected = [(name, number) for number in range(4)]
    # The first member of a cluster's first group waits for the topic of offsets to be made.
    while (parts := assigned(admin, group)) != expected:
        assert time.monotonic() < deadline, parts
        time.sleep(0.2)
    while True:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        noted = sum(part.offset for part in asked[group].result().topic_partitions if part.offset > 0)
        if noted == records("orders"):
            return
        assert time.monotonic() < deadline, (noted, records("orders"))
        time.sleep(0.2)


def assigned(admin: AdminClient, group: str) -> list[tuple[str, int]]:
    """The partitions that a group has given to its members, as often as it has."""
    members = admin.describe_consumer_groups([group])[group].result().members
    return sorted((part.topic, part.partition) for member in members for part in member.assignment.topic_partitions)


def check_compatibility(registry: SchemaRegistryClient) -> None:
    """Schemas stand under the topic-name strategy, and only compatible ones may follow."""
    subjects = [subject for subject in registry.get_subjects() if subject.startswith(PREFIX)]
    assert sorted(subjects) == sorted(f"{topic(word)}-value" for word in WORDS), subjects
    for subject in subjects:
        assert registry.get_compatibility(subject) == "FULL_TRANSITIVE"
        schema = registry.get_latest_version(subject).schema
        broken = json.loads(schema.schema_str)
        broken["fields"].append({"name": "without_a_default", "type": "string"})
        broken = Schema(json.dumps(broken), "AVRO")
        assert not registry.test_compatibility(subject, broken), f"{subject} takes what nobody could read"


def sample(kind, name: str, records: dict):
    """A value of an Avro type; `records` are the named types so far."""
    if isinstance(kind, list):
        return sample(kind[-1], name, records)
    if isinstance(kind, str):
        kind = records.get(kind.rsplit(".")[-1], {"type": kind})
    match kind.get("logicalType"):
        case "uuid":
            return uuid.uuid4()
        case "decimal":
            return decimal.Decimal("-12345.678901234567")
        case "timestamp-micros":
            return datetime.datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)
    match kind["type"]:
        case "record":
            records[kind["name"]] = kind
            return {field["name"]: sample(field["type"], field["name"], records) for field in kind["fields"]}
        case "array":
            return [sample(kind["items"], name, records)]
        case "map":
            return {"one": sample(kind["values"], name, records)}
        case "string":
            known = {"symbol": SYMBOL, "currency": "USD", "fee_currency": "USD", "timeframe": "1m"}
            return known.get(name, name)
        case "bytes":
            return b"bytes"
        case "int" | "long":
            return 7
        case "float" | "double":
            return 0.25
        case "boolean":
            return True
        case inner:
            return sample(inner, name, records)


def check_what_velox_reads(server: Server, registry: SchemaRegistryClient) -> None:
    """What Confluent's serializer writes to any topic, Velox reads."""
    producer = Producer({"bootstrap.servers": BROKERS})
    for word in WORDS:
        schema = registry.get_latest_version(f"{topic(word)}-value").schema
        message = sample(json.loads(schema.schema_str), word, {})
        serialize = AvroSerializer(registry, schema.schema_str, conf={"auto.register.schemas": False, "use.latest.version": True})
        value = serialize(message, SerializationContext(topic(word), MessageField.VALUE))
        producer.produce(topic(word), value=value, key="written by another program")
        producer.produce(topic(word), value=b"no message at all", key="written by another program")
        assert producer.flush(PATIENCE_S) == 0
        # The market goes on: what came since its records were counted may stand in the place of ours.
        deadline = time.monotonic() + PATIENCE_S
        found, broken = [], []
        while not (found and broken) and time.monotonic() < deadline:
            ours = [line for line in velox_topic(server, word) if line["key"] == "written by another program"]
            found = [line for line in ours if "message" in line]
            broken = [line for line in ours if "message" not in line]
        assert len(found) == 1, (word, found, broken)
        assert found[0]["message"]["event_id"] == str(message["event_id"])
        assert len(broken) == 1 and broken[0]["unreadable"], (word, broken)


def records(word: str) -> int:
    """How many records are on a topic."""
    counter = Consumer({"bootstrap.servers": BROKERS, "group.id": "counting"})
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            try:
                partitions = counter.list_topics(topic(word)).topics[topic(word)].partitions
                parts = [TopicPartition(topic(word), number) for number in partitions]
                return sum(high - low for low, high in map(counter.get_watermark_offsets, parts))
            except KafkaException as trouble:
                # A partition that was made a moment ago may have no leader yet.
                if not trouble.args[0].retriable() or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    finally:
        counter.close()


def velox_topic(server: Server, word: str) -> list[dict]:
    """What `velox topic` prints of a topic from its beginning."""
    count = records(word)
    command = [binary(), *server.sets, "topic", word, "--from", "oldest", "--count", str(count)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=server.data_dir)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def main() -> int:
    tally = Tally()
    registry = SchemaRegistryClient({"url": REGISTRY})
    settings = {"kafka.brokers": BROKERS, "kafka.registry_url": REGISTRY, "kafka.topic_prefix": PREFIX}
    settings["kafka.partitions"] = 4
    with Server(settings) as server:
        user = User(server)
        account = user.get("/v1/accounts")["items"][0]["id"]
        trade(user, account)
        checks = [
            ("what Velox writes", lambda: check_what_velox_writes(user, account, registry)),
            ("the market that Velox writes", lambda: check_the_market_that_velox_writes(user, registry)),
            ("the group of Velox", check_the_group_of_velox),
            ("compatibility", lambda: check_compatibility(registry)),
            ("what Velox reads", lambda: check_what_velox_reads(server, registry)),
        ]
        for name, check in checks:
            try:
                check()
                tally.check(name, True)
            except Exception:
                tally.check(name, False, traceback.format_exc())
        if tally.failed:
            print(server.log_end())
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())

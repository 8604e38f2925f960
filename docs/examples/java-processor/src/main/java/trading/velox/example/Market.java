package trading.velox.example;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Tells Velox a market, in place of its own feed: at each tick of a clock a quote, and a trade within it.
 *
 * <p>The prices are a random walk that follows from the seed. A processor of yours puts here what its venue says.
 */
final class Market {
    /** How many decimals money has on the topics. */
    private static final int SCALE = 12;
    /** Ticks between two prices, and between a price and its quote, at the most. */
    private static final int WIDEST_STEP = 5;
    private static final int WIDEST_QUOTE = 3;
    private static final BigDecimal LOT = new BigDecimal("0.0001");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Registry.Registered schema;
    private final String topic;
    private final String symbol = Settings.text("SYMBOL", "BTC-PERP");
    private final BigDecimal tickSize = new BigDecimal(Settings.text("TICK_SIZE", "1"));
    private final Random random = new Random(Settings.number("SEED", 1, Long.MIN_VALUE, Long.MAX_VALUE));
    private long price = Settings.number("START_TICKS", 40_000, 1_000, 1_000_000_000);

    /**
     * Where an event stands: an offset counts from 1 without a hole within an epoch, and each start is a new epoch. This
     * is how Velox drops what it has seen and sees that the stretch before is over, so no state survives a restart. The
     * time of the start only grows as long as the machine's clock does; where that is not sure, count starts in a file.
     */
    private final long epoch = System.currentTimeMillis();
    private long offset = 0;
    private long at = 0;

    private Market(Registry.Registered schema, String topic) {
        this.schema = schema;
        this.topic = topic;
    }

    static void run(Settings settings) throws IOException, InterruptedException {
        String topic = settings.topic("market-data");
        var stop = new CountDownLatch(1);
        var failure = new AtomicReference<Exception>();
        Main.onShutdown(stop::countDown);
        var market = new Market(schema(new Registry(settings.registry()), topic + "-value", stop), topic);
        long period = SECONDS.toNanos(1) / Settings.number("TICKS_PER_SECOND", 10, 1, 1_000);
        var producing = producer(settings);
        try (var producer = new KafkaProducer<>(producing, new StringSerializer(), new ByteArraySerializer())) {
            System.out.println("market: " + market.symbol + " on " + topic + ", epoch " + market.epoch);
            long due = System.nanoTime();
            // The latch is the pause and the way out of it.
            while (!stop.await(due - System.nanoTime(), NANOSECONDS)) {
                for (var record : market.tick()) {
                    producer.send(record, (place, error) -> {
                        if (error != null && failure.compareAndSet(null, error)) {
                            stop.countDown();
                        }
                    });
                }
                // Ticks that were missed are not made up for: they would be old prices.
                due = Math.max(due + period - System.nanoTime(), 0) + System.nanoTime();
            }
            // Closing waits for what was sent. A process that must end does not wait longer than this for a broker.
            producer.close(Duration.ofSeconds(10));
        }
        if (failure.get() != null) {
            // An event is missing for good: the epoch is over, and a new start begins the next one.
            throw new IOException("a record could not be written to " + topic, failure.get());
        }
        System.out.println("market: ended after " + market.offset + " events");
    }

    /**
     * The schema that Velox registers when it starts; this may start first. To write with what is registered, whatever
     * its version, is right because a field that Velox adds has a default, which the builders below fill in.
     */
    private static Registry.Registered schema(Registry registry, String subject, CountDownLatch stop)
            throws IOException, InterruptedException {
        for (long seconds = 0; seconds < PATIENCE.toSeconds(); seconds++) {
            var found = registry.latest(subject);
            if (found.isPresent()) {
                return found.get();
            }
            if (stop.await(1, SECONDS)) {
                break;
            }
        }
        throw new IOException("no schema is registered under " + subject + ": has Velox started?");
    }

    private static Map<String, Object> producer(Settings settings) {
        return Map.of(
            "bootstrap.servers", settings.brokers(),
            "client.id", "java-processor-market",
            // Sent again, a record is written once and not behind a later one; acknowledged, it is on every replica in
            // sync. Both are defaults of today's client, and both are what this relies on.
            "enable.idempotence", true,
            "acks", "all",
            // A price that waits grows old.
            "linger.ms", 0,
            // The bounds: of one request, of one record with all its repetitions, and of a send that finds no room or
            // no topic.
            "request.timeout.ms", 10_000,
            "delivery.timeout.ms", 30_000,
            "max.block.ms", 30_000);
    }

    /** The next quote, and a trade at a price within it. */
    private List<ProducerRecord<String, byte[]>> tick() throws IOException {
        int step = random.nextInt(2 * WIDEST_STEP + 1) - WIDEST_STEP;
        price = Math.max(price + step, WIDEST_QUOTE + 1);
        long bid = price - random.nextInt(WIDEST_QUOTE) - 1;
        long ask = price + random.nextInt(WIDEST_QUOTE) + 1;
        // Event time never goes back, even when the machine's clock does.
        at = Math.max(at, ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()));
        return List.of(
            event("quote", fields -> fields
                .set("bid", price(bid)).set("bid_size", size())
                .set("ask", price(ask)).set("ask_size", size())),
            event("trade", fields -> fields
                .set("id", Long.toString(offset))
                .set("price", price(price)).set("quantity", size())
                .set("aggressor", step < 0 ? "seller" : "buyer")));
    }

    private interface Body {
        GenericRecordBuilder into(GenericRecordBuilder fields);
    }

    private ProducerRecord<String, byte[]> event(String type, Body body) throws IOException {
        offset++;
        // The same for the same event, however often it is sent: readers drop by it what they have seen.
        String named = String.join("|", topic, type, symbol, epoch + "-" + offset);
        String id = UUID.nameUUIDFromBytes(named.getBytes(UTF_8)).toString();
        // What is told stands in the field that is called like the type: a union of null and a record.
        Schema told = schema.schema().getField(type).schema().getTypes().stream()
            .filter(option -> option.getType() == Schema.Type.RECORD).findFirst().orElseThrow();
        // A walk is no market; what a venue said is not synthetic.
        GenericRecord inner = body.into(new GenericRecordBuilder(told).set("synthetic", true)).build();
        GenericRecord message = new GenericRecordBuilder(schema.schema())
            .set("event_id", id)
            .set("symbol", symbol)
            .set("at", at)
            .set("type", type)
            // Of Velox's own messages, where it writes this topic; each of ours makes one.
            .set("epoch", epoch)
            .set("offset", offset)
            .set("feed_epoch", epoch)
            .set("feed_offset", offset)
            .set(type, inner)
            .build();
        // The key puts all of a symbol into one partition, which is what keeps it in order.
        var record = new ProducerRecord<>(topic, symbol, Wire.encode(schema, message));
        record.headers().add("event_id", id.getBytes(UTF_8)).add("content-type", Wire.CONTENT_TYPE.getBytes(UTF_8));
        return record;
    }

    private BigDecimal price(long ticks) {
        return tickSize.multiply(BigDecimal.valueOf(ticks)).setScale(SCALE);
    }

    private BigDecimal size() {
        return LOT.multiply(BigDecimal.valueOf(1 + random.nextInt(50_000))).setScale(SCALE);
    }
}

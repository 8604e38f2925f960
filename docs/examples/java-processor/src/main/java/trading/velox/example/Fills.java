package trading.velox.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import trading.velox.example.FillStore.Fill;

/** Counts each fill of Velox's orders once, and prints it. */
final class Fills implements ConsumerRebalanceListener {
    private static final Duration POLL = Duration.ofSeconds(1);
    private static final int LONGEST_REASON = 500;

    private final String deadLetters;
    private final FillStore store;
    private final Registry registry;
    private final Schema reader;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> letters;

    private Fills(String deadLetters, FillStore store, Registry registry, Schema reader,
            KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> letters) {
        this.deadLetters = deadLetters;
        this.store = store;
        this.registry = registry;
        this.reader = reader;
        this.consumer = consumer;
        this.letters = letters;
    }

    static void run(Settings settings) throws Exception {
        String topic = settings.topic("orders");
        Map<String, Object> reading = Map.of(
            "bootstrap.servers", settings.brokers(),
            "group.id", Settings.text("GROUP", "java-processor-fills"),
            "enable.auto.commit", false,
            // A place that the topic no longer has is an error, not a jump: something would be missing.
            "auto.offset.reset", "none",
            // A process that was killed holds its partitions for this long before the next one gets them.
            "session.timeout.ms", 6_000);
        Map<String, Object> writing = Map.of("bootstrap.servers", settings.brokers(), "delivery.timeout.ms", 30_000,
            "request.timeout.ms", 10_000, "max.block.ms", 10_000, "acks", "all");
        try (var store = new FillStore(Settings.text("DATABASE", "fills.db"));
            var schema = Fills.class.getResourceAsStream("/order-event.avsc");
            var consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            var letters = new KafkaProducer<>(writing, new ByteArraySerializer(), new ByteArraySerializer())) {
            // The only method of a consumer that another thread may call. It makes poll throw, this one or the next.
            Main.onShutdown(consumer::wakeup);
            System.out.println("fills: so far " + store.summary());
            var fills = new Fills(topic + ".dead-letters", store, new Registry(settings.registry()),
                new Schema.Parser().parse(schema), consumer, letters);
            consumer.subscribe(List.of(topic), fills);
            try {
                while (true) {
                    var records = consumer.poll(POLL);
                    for (TopicPartition partition : records.partitions()) {
                        fills.take(partition, records.records(partition));
                    }
                }
            } catch (WakeupException stopped) {
                System.out.println("fills: ended, " + store.summary());
            }
            // Closing the consumer leaves the group, so that another member goes on at once.
        }
    }

    private void take(TopicPartition partition, List<ConsumerRecord<byte[], byte[]>> records) throws Exception {
        var found = new ArrayList<Fill>();
        for (var record : records) {
            try {
                GenericRecord event = Wire.decode(record.value(), reader, registry);
                if (event.get("type").toString().equals("order_filled") && event.get("fill") != null) {
                    found.add(fill(event));
                }
            } catch (Wire.Unreadable unreadable) {
                putAside(record, unreadable.getMessage());
            }
        }
        long next = records.get(records.size() - 1).offset() + 1;
        var counted = store.take(partition, records.get(0).offset(), next, found);
        if (counted.isEmpty()) {
            consumer.seek(partition, store.place(partition).orElse(0));
            return;
        }
        // After the commit: whoever is killed in between has counted the fill and not printed it. A line that must come
        // exactly once, too, belongs into the database, with a reader that follows it.
        for (Fill fill : counted.get()) {
            System.out.printf("fill %s-%d: %s %s %s at %s%n", fill.account(), fill.seq(), fill.side(),
                FillStore.plain(fill.quantity()), fill.symbol(), FillStore.plain(fill.price()));
        }
        // A hint, for tools that show how far a group is. Nothing here reads it, so nobody waits for it.
        consumer.commitAsync(Map.of(partition, new OffsetAndMetadata(next)), null);
    }

    private static Fill fill(GenericRecord event) {
        var fill = (GenericRecord) event.get("fill");
        // Strings are Avro's own Utf8.
        return new Fill(event.get("account_id").toString(), (long) event.get("seq"), fill.get("symbol").toString(),
            fill.get("side").toString(), (BigDecimal) fill.get("quantity"),
            (BigDecimal) fill.get("price"));
    }

    /**
     * A record that cannot be read goes to the dead letters as it is, and the partition goes on. Waiting for the broker
     * here is what makes it certain; killed before the place is kept, this does it again, which dead letters allow.
     */
    private void putAside(ConsumerRecord<byte[], byte[]> record, String reason) throws Exception {
        System.err.printf("fills: unreadable, partition %d offset %d: %s%n",
            record.partition(), record.offset(), reason);
        var letter = new ProducerRecord<>(deadLetters, null, record.key(), record.value(), record.headers());
        letter.headers()
            .add("dead-letter-reason", reason.substring(0, Math.min(reason.length(), LONGEST_REASON)).getBytes(UTF_8))
            .add("dead-letter-topic", record.topic().getBytes(UTF_8))
            .add("dead-letter-partition", Integer.toString(record.partition()).getBytes(UTF_8))
            .add("dead-letter-offset", Long.toString(record.offset()).getBytes(UTF_8));
        letters.send(letter).get(30, TimeUnit.SECONDS);
    }

    /** Called within poll, before the first records of these partitions: the place is the store's, not the group's. */
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            try {
                var place = store.place(partition);
                if (place.isPresent()) {
                    consumer.seek(partition, place.getAsLong());
                } else {
                    consumer.seekToBeginning(List.of(partition));
                }
            } catch (SQLException broken) {
                throw new IllegalStateException("no place can be read", broken);
            }
        }
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        // Each batch has been kept whole before the next poll, in which this is called.
    }
}

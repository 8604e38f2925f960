package trading.velox.example;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.avro.Conversions.DecimalConversion;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Confluent's wire format: a zero, the schema's id in four bytes (big-endian), and the record in Avro's binary form. */
final class Wire {
    static final String CONTENT_TYPE = "application/vnd.confluent.avro";
    private static final byte MAGIC = 0;
    private static final int HEAD = 5;
    /** With it a decimal is a BigDecimal of the schema's scale instead of its bytes; times stay microseconds, ids text. */
    private static final GenericData DATA = new GenericData();

    static {
        DATA.addLogicalTypeConversion(new DecimalConversion());
    }

    /** A value that nobody who reads it again will understand either. */
    static final class Unreadable extends Exception {
        private static final long serialVersionUID = 1;

        Unreadable(String reason) {
            super(reason);
        }
    }

    static byte[] encode(Registry.Registered registered, GenericRecord record) throws IOException {
        var bytes = new ByteArrayOutputStream(256);
        bytes.write(ByteBuffer.allocate(HEAD).put(MAGIC).putInt(registered.id()).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(registered.schema(), DATA).write(record, encoder);
        return bytes.toByteArray();
    }

    /**
     * The record as {@code reader} sees it, whichever version of the schema it was written with.
     *
     * @throws IOException when the registry is away: nothing is known of the value then
     */
    static GenericRecord decode(byte[] value, Schema reader, Registry registry)
            throws Unreadable, IOException, InterruptedException {
        if (value == null || value.length < HEAD || value[0] != MAGIC) {
            throw new Unreadable("it is not in the registry's format");
        }
        int id = ByteBuffer.wrap(value, 1, HEAD - 1).getInt();
        Schema writer = registry.byId(id).orElseThrow(() -> new Unreadable("there is no schema " + id));
        var decoder = DecoderFactory.get().binaryDecoder(value, HEAD, value.length - HEAD, null);
        try {
            return new GenericDatumReader<GenericRecord>(writer, reader, DATA).read(null, decoder);
        } catch (IOException | RuntimeException broken) {
            // Bytes that do not follow their schema show as almost any exception of Avro or Java.
            throw new Unreadable("schema " + id + ": " + broken);
        }
    }

    private Wire() {}
}

package trading.velox.example;

/** What the environment says; each variable stands in the README. */
record Settings(String brokers, String registry, String prefix) {

    static Settings read() {
        return new Settings(
            text("KAFKA_BROKERS", "127.0.0.1:9092"),
            text("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8081"),
            text("TOPIC_PREFIX", "velox"));
    }

    /** Such as {@code velox.market-data.v1}. */
    String topic(String word) {
        return prefix + "." + word + ".v1";
    }

    static String text(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isBlank() ? otherwise : value;
    }

    static long number(String name, long otherwise, long least, long most) {
        String value = text(name, Long.toString(otherwise));
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException invalid) {
            // Said below, as for a number out of bounds.
        }
        throw new IllegalArgumentException(name + "=" + value + ": not a whole number from " + least + " to " + most);
    }
}

package trading.velox.example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.Schema;

/** The two questions to a Confluent-compatible Schema Registry that this needs. */
final class Registry {
    /** A schema and the number that stands before each value that was written with it. */
    record Registered(int id, Schema schema) {}

    private static final Duration DEADLINE = Duration.ofSeconds(10);
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(DEADLINE).build();
    private final ObjectMapper json = new ObjectMapper();
    private final String url;
    /** What an id means never changes, so it is asked for once. As large as the registry makes it: a few versions. */
    private final Map<Integer, Schema> known = new HashMap<>();

    Registry(String url) {
        this.url = url.replaceAll("/+$", "");
    }

    /** The newest schema of a subject; empty when nothing is registered under it. */
    Optional<Registered> latest(String subject) throws IOException, InterruptedException {
        return get("/subjects/" + subject + "/versions/latest")
            .map(found -> new Registered(found.path("id").asInt(), parse(found)));
    }

    /** The schema with this id; empty when there is none. */
    Optional<Schema> byId(int id) throws IOException, InterruptedException {
        if (!known.containsKey(id)) {
            get("/schemas/ids/" + id).ifPresent(found -> known.put(id, parse(found)));
        }
        return Optional.ofNullable(known.get(id));
    }

    private static Schema parse(JsonNode found) {
        return new Schema.Parser().parse(found.path("schema").asText());
    }

    private Optional<JsonNode> get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).timeout(DEADLINE).build();
        var answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() == 200) {
            return Optional.of(json.readTree(answer.body()));
        }
        // 40401, 40402 and 40403 say that there is no such thing; a plain 404 is a wrong URL.
        if (answer.statusCode() == 404 && answer.body().contains("\"error_code\":404")) {
            return Optional.empty();
        }
        throw new IOException("the registry answers " + answer.statusCode() + " to " + path + ": " + answer.body());
    }
}

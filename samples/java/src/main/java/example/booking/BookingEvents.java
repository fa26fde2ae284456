package example.booking;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.stereotype.Component;

/** Events of the booking service, each once and in the order of its booking. */
@Component
public class BookingEvents {

    private final JsonMapper json;
    private final Map<String, CompletableFuture<JsonNode>> firsts = new ConcurrentHashMap<>();

    BookingEvents(JsonMapper json) {
        this.json = json;
    }

    /** The first event of that booking, which may have come already. */
    public CompletableFuture<JsonNode> firstOf(String bookingId) {
        return firsts.computeIfAbsent(bookingId, id -> new CompletableFuture<>());
    }

    // --8<-- [start:events]
    private final Set<String> seen = ConcurrentHashMap.newKeySet(); // in your database, with what the event changes

    // All there ever was: the events are kept for ever. The offset is committed after the work.
    @KafkaListener(
            topics = "${booking.topic-prefix}.events",
            groupId = "sample-java",
            properties = "auto.offset.reset=earliest")
    void take(String record) {
        JsonNode event = json.readTree(record);
        if (seen.add(event.get("event_id").asString())) {
            firstOf(event.get("payload").get("booking_id").asString()).complete(event);
        }
    }
    // --8<-- [end:events]
}

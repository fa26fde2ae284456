package example.booking;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.kafka.requestreply.KafkaReplyTimeoutException;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.stereotype.Component;

/** Commands to the booking service, each with its reply. */
@Component
public class BookingClient {

    private static final int TRIES = 3;

    private final ReplyingKafkaTemplate<String, String, String> bookings;
    private final JsonMapper json;
    private final String commands;

    BookingClient(
            ReplyingKafkaTemplate<String, String, String> bookings,
            JsonMapper json,
            @Value("${booking.topic-prefix}") String prefix) {
        this.bookings = bookings;
        this.json = json;
        this.commands = prefix + ".commands";
    }

    // --8<-- [start:create]
    /** The booking. Throws BookingRefused, or KafkaReplyTimeoutException when nobody answers in time. */
    public JsonNode createBooking(Map<String, Object> wish, String token, String idempotencyKey)
            throws BookingRefused, InterruptedException {
        // Until the replies' partitions are assigned, a reply could come unseen.
        if (!bookings.waitForAssignment(Duration.ofSeconds(30))) {
            throw new IllegalStateException("the reply topic cannot be read");
        }
        for (int tryNumber = 1; ; tryNumber++) {
            boolean last = tryNumber == TRIES;
            JsonNode reply;
            try {
                reply = ask(wish, token, idempotencyKey);
            } catch (KafkaReplyTimeoutException lostOrLate) {
                if (last) {
                    throw lostOrLate;
                }
                continue; // the key brings the first answer back
            }
            JsonNode error = reply.get("error");
            if (error.isNull()) {
                return reply.get("data");
            }
            String code = error.get("code").asString();
            if (last || !error.get("retryable").asBoolean()) {
                throw new BookingRefused(code, error.get("detail").asString());
            }
            System.out.println(code + ": trying again");
            Thread.sleep(Duration.ofSeconds(error.path("retry_after_seconds").asInt(1)).toMillis());
        }
    }

    private JsonNode ask(Map<String, Object> wish, String token, String idempotencyKey)
            throws InterruptedException {
        String command = json.writeValueAsString(Map.of(
                "type", "create_booking",
                "command_id", UUID.randomUUID().toString(), // new with each try
                "idempotency_key", idempotencyKey, // the same: nothing is booked twice
                "data", wish));
        String key = wish.get("venue_id").toString().toLowerCase();
        var record = new ProducerRecord<>(commands, key, command);
        record.headers().add("authorization", ("Bearer " + token).getBytes(StandardCharsets.UTF_8));
        // Correlation id and reply topic are the template's own headers; the service knows them.
        try {
            return json.readTree(bookings.sendAndReceive(record).get().value());
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(failure.getCause());
        }
    }
    // --8<-- [end:create]
}

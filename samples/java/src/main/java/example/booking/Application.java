package example.booking;

import java.time.Duration;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import tools.jackson.databind.JsonNode;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.ExitCodeGenerator;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Books a table, then waits for the event that tells everybody: {@code java -jar target/booking-sample.jar}. */
@SpringBootApplication
public class Application {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private int exitCode;

    public static void main(String[] arguments) {
        System.exit(SpringApplication.exit(SpringApplication.run(Application.class, arguments)));
    }

    @Bean
    CommandLineRunner book(
            BookingClient client,
            BookingEvents events,
            @Value("${booking.venue-id}") String venueId,
            @Value("${booking.token}") String token) {
        return arguments -> {
            var tomorrow = OffsetDateTime.now(ZoneOffset.UTC).plusDays(1).with(LocalTime.of(19, 0));
            Map<String, Object> wish = Map.of(
                    "venue_id", venueId.isEmpty() ? UUID.randomUUID().toString() : venueId,
                    "venue_type", "restaurant",
                    "booking_time", tomorrow.toInstant().toString(),
                    "party_size", 2,
                    "guest_name", "Ada Lovelace");
            String orderNumber = UUID.randomUUID().toString(); // keep it with your order before you send anything
            JsonNode booking;
            try {
                booking = client.createBooking(wish, token, orderNumber);
            } catch (BookingRefused refusal) {
                System.out.println("refused: " + refusal.getMessage());
                exitCode = 1;
                return;
            }
            System.out.printf(
                    "booked %s, %s %s%n",
                    booking.get("booking_reference").asString(),
                    booking.get("total_price").asString(),
                    booking.get("currency").asString());
            JsonNode event = events.firstOf(booking.get("id").asString())
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            System.out.printf(
                    "%s %s%n",
                    event.get("event_type").asString(),
                    event.get("payload").get("booking_reference").asString());
        };
    }

    @Bean
    ExitCodeGenerator exitCode() {
        return () -> exitCode;
    }
}

package example.booking;

import java.time.Duration;
import java.util.UUID;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;

/** The template that sends a command and waits for its reply. */
@Configuration
class BookingTemplate {

    // --8<-- [start:template]
    @Bean
    ReplyingKafkaTemplate<String, String, String> bookings(
            ProducerFactory<String, String> producers,
            ConcurrentMessageListenerContainer<String, String> bookingReplies) {
        var template = new ReplyingKafkaTemplate<>(producers, bookingReplies);
        template.setSharedReplyTopic(true); // others' replies are no errors
        template.setDefaultReplyTimeout(Duration.ofSeconds(10));
        return template;
    }

    @Bean
    ConcurrentMessageListenerContainer<String, String> bookingReplies(
            ConcurrentKafkaListenerContainerFactory<String, String> containers,
            @Value("${booking.reply-topic}") String replyTopic) {
        var container = containers.createContainer(replyTopic);
        // A group of its own: every process reads all replies from now on, and takes its own.
        container.getContainerProperties().setGroupId("sample-java-replies-" + UUID.randomUUID());
        container.setAutoStartup(false); // the template starts it
        return container;
    }
    // --8<-- [end:template]
}

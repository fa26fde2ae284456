"""The outside: Kafka, databases, partner services and tokens behind the ports of handlers."""

"""The worker as its clients see it: real processes on real Kafka and PostgreSQL."""

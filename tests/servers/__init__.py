"""A real Kafka and a real PostgreSQL for tests: one each per run, started at first need."""

"""Tests: the folders mirror the packages; servers/ gives real Kafka and PostgreSQL."""

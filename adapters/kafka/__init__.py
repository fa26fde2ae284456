"""The Kafka side: bytes in, lanes that own a partition, outputs and offsets in one transaction."""

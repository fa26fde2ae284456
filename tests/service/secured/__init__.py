"""A worker that is let in by name over TLS, and may do no more than it has to."""

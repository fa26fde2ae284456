"""Bookings in PostgreSQL or SQLite: one batch, one transaction, one statement per table."""

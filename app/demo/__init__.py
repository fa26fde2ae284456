"""The demonstration: everything embedded, a scripted day of bookings."""

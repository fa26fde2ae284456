"""Who speaks: clients by their tokens, the service itself by its own signature."""

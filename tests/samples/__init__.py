"""The programs of `samples/`, run as a team would run its copy."""

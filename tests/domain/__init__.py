"""The judgement, tested without any I/O."""

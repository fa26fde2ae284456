"""The wire: every message as a pydantic model, and the catalogue of them."""

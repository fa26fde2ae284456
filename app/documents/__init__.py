"""What other teams read about the messages, all of it made from schemas/catalogue.py."""

"""What the worker costs, beside what it would cost otherwise: `python -m bench`."""

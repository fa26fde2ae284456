"""Sealing: what lies in topics that others read, and only this service may understand."""

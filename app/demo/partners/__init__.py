"""Stand-in inventory, pricing and payment: real HTTP servers that behave, until told not to."""

from app.demo.partners.running import Partners, partners

__all__ = ["Partners", "partners"]

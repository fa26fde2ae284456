"""Inventory, pricing and payment over HTTP."""

from adapters.partners.client import PartnerSettings
from adapters.partners.partners import HttpPartners

__all__ = ["HttpPartners", "PartnerSettings"]

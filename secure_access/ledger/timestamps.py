"""RFC 3161 time stamps on checkpoints: an authority's word, by its own clock, on when a checkpoint was there.

A stamp is over the SHA-256 of a checkpoint's text. It binds the entries below it to a time that neither the
regulator nor its machines can choose. It is verified before it is kept, and again by the audit.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from sqlalchemy import select

from secure_access.db import Database, Session, col
from secure_access.ledger import merkle, note, tiles
from secure_access.ledger.canonical import Json
from secure_access.ledger.sequencer import latest
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, LedgerTimestamp, Log

EVERY = timedelta(days=1)
"""How far apart in time stamped checkpoints are, where nothing asks for one sooner."""
TIMEOUT = (2, 10)
"""Seconds to reach the authority, and for its answer."""
LONGEST_ANSWER = 64 * 1024
GRANTED = 0
COMMON_NAME = x509.NameOID.COMMON_NAME


class NotStamped(Exception):
    """There is no time stamp that can be believed; the message says why."""


@dataclass(frozen=True)
class TimeAuthority:
    """Whom to ask for time stamps (RFC 3161 over HTTP), and the certificates that its own goes back to.

    Without ``url`` nobody is asked. ``roots`` may hold the roots of authorities that were asked before.
    """

    url: str = ""
    roots: tuple[x509.Certificate, ...] = ()


NOBODY = TimeAuthority()


def due(session: Session, now: datetime, sooner: Collection[str] = ()) -> LedgerCheckpoint | None:
    """The newest checkpoint of the public log, if it is to be stamped now; ``None`` if not.

    It is once a day, and as soon as an entry of a type in ``sooner`` is in it and in no stamped one.
    """
    newest, last = latest(session, Log.PUBLIC), newest_stamp(session)
    if newest is None or newest.size == 0 or (last is not None and last.size >= newest.size):
        return None
    stamped = session.get(LedgerCheckpoint, (Log.PUBLIC, last.size)) if last else None
    if last is None or stamped is None or now - stamped.at >= EVERY:
        return newest
    added = select(col(LedgerEntry.number)).where(
        col(LedgerEntry.log) == Log.PUBLIC,
        col(LedgerEntry.leaf_index) >= last.size,
        col(LedgerEntry.leaf_index) < newest.size,
        col(LedgerEntry.type).in_(list(sooner)),
    )
    return newest if session.execute(added.limit(1)).first() else None


def stamp(
    database: Database, authority: TimeAuthority, now: datetime, sooner: Collection[str] = ()
) -> LedgerTimestamp | None:
    """Have the newest checkpoint stamped if it is `due`, and keep what was verified.

    No transaction is open while the authority is waited for. Raises `NotStamped`; then nothing is kept, and
    the next call asks again.
    """
    if not authority.url:
        return None
    with database.read() as session:
        newest = due(session, now, sooner)
    if newest is None:
        return None
    row = _asked(authority, newest)
    with database.write() as session:
        if session.get(LedgerTimestamp, (row.log, row.size)) is None:
            session.add(row)
    return row


def newest_stamp(session: Session) -> LedgerTimestamp | None:
    """The stamp on the newest stamped checkpoint of the public log, or ``None``."""
    query = select(LedgerTimestamp).where(col(LedgerTimestamp.log) == Log.PUBLIC)
    return session.execute(query.order_by(col(LedgerTimestamp.size).desc()).limit(1)).scalars().first()


def first_stamp(session: Session, entry: LedgerEntry) -> LedgerTimestamp | None:
    """The stamp on the first stamped checkpoint that holds an entry: the earliest time that is proved."""
    if entry.leaf_index is None:
        return None
    query = select(LedgerTimestamp).where(
        col(LedgerTimestamp.log) == entry.log, col(LedgerTimestamp.size) > entry.leaf_index
    )
    return session.execute(query.order_by(col(LedgerTimestamp.size)).limit(1)).scalars().first()


def for_receipt(session: Session, entry: LedgerEntry) -> list[Json]:
    """The ``timestamps`` of a receipt: the stamp, the text it is over, and the entry's proof to that text."""
    found = first_stamp(session, entry)
    checkpoint = session.get(LedgerCheckpoint, (found.log, found.size)) if found else None
    if found is None or checkpoint is None or entry.leaf_index is None:
        return []
    nodes = tiles.nodes(tiles.stored(session, Log(entry.log)))
    path = merkle.inclusion_proof(entry.leaf_index, found.size, nodes)
    return [
        {
            "name": found.name,
            "at": found.at.isoformat(),
            "checkpoint": text_of(checkpoint.note),
            "hashes": [base64.b64encode(node).decode() for node in path],
            "answer": base64.b64encode(found.answer).decode(),
        }
    ]


def text_of(signed: str) -> str:
    """What is stamped of a checkpoint: its text, without the signatures below it."""
    return note.parse(signed).text


def read(answer: bytes) -> tuple[str, datetime, bytes]:
    """Who says so, when, and of which SHA-256, as an answer claims. Raises `NotStamped`; verifies nothing."""
    try:
        decoded = decode_timestamp_response(answer)
        if decoded.status != GRANTED:
            raise NotStamped(f"it refuses: {', '.join(decoded.status_string) or f'status {decoded.status}'}")
        (signer,) = decoded.signed_data.signer_infos
        certificates = [x509.load_der_x509_certificate(der) for der in decoded.signed_data.certificates]
        leaf = next(
            found
            for found in certificates
            if (found.issuer, found.serial_number) == (signer.issuer, signer.serial_number)
        )
    except (ValueError, StopIteration) as problem:
        raise NotStamped(
            f"its answer cannot be read: {problem or 'it holds no certificate of its signer'}"
        ) from None
    stated = decoded.tst_info
    common = leaf.subject.get_attributes_for_oid(COMMON_NAME)
    name = str(common[0].value) if common else leaf.subject.rfc4514_string()
    return name[:200], stated.gen_time, bytes(stated.message_imprint.message)


def check(
    answer: bytes, text: str, roots: Sequence[x509.Certificate], nonce: int | None = None
) -> tuple[str, datetime]:
    """Who stamped ``text`` and when. Raises `NotStamped` where that cannot be believed.

    The authority's certificate has to be valid at that time, go back to one of ``roots``, and be for time
    stamping only; the answer has to be to the request with ``nonce``, where one is given.
    """
    name, at, stamped = read(answer)
    if stamped != hashlib.sha256(text.encode()).digest():
        raise NotStamped("it stamped something else than the checkpoint")
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    try:
        builder.build().verify_message(decode_timestamp_response(answer), text.encode())
    except (VerificationError, ValueError) as problem:
        raise NotStamped(f"its stamp is not believed: {_in_words(problem)}") from None
    return name, at


def _in_words(problem: Exception) -> str:
    """The reason that OpenSSL gives inside its stack of errors, or what the library says itself."""
    found = re.search(r"Verify error: ([^\"]+)", str(problem))
    return found[1] if found else str(problem)[:200]


def _asked(authority: TimeAuthority, checkpoint: LedgerCheckpoint) -> LedgerTimestamp:
    text = text_of(checkpoint.note)
    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    asked = builder.cert_request(cert_request=True).nonce(nonce=True).build()
    answer = _post(authority.url, asked.as_bytes())
    name, at = check(answer, text, authority.roots, asked.nonce)
    return LedgerTimestamp(log=Log(checkpoint.log), size=checkpoint.size, name=name, at=at, answer=answer)


def _post(url: str, body: bytes) -> bytes:
    try:
        answer = requests.post(
            url,
            data=body,
            headers={"Content-Type": "application/timestamp-query"},
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,
        )
        with answer:
            content = answer.raw.read(LONGEST_ANSWER + 1, decode_content=True)
    except (requests.RequestException, OSError) as problem:
        raise NotStamped(f"it does not answer: {type(problem).__name__}") from None
    if answer.status_code != 200:
        raise NotStamped(f"it answers {answer.status_code}")
    if len(content) > LONGEST_ANSWER:
        raise NotStamped("its answer is too long")
    return bytes(content)

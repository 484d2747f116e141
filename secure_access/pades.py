"""Signing a PDF: PAdES baseline B-B by pyHanko, certified so that nothing may be changed afterwards.

pyHanko brings much with it and is the extra ``sign``: it is loaded when the first document is signed, in the
worker, and nowhere else. The signature is an incremental update: the bytes before it stay as they were.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization

from secure_access.keys import DocumentKey, KeyFailure

FIELD = "Authority"
ROOM = 2048
"""Bytes for a signature beside its certificates: more than twice what one needs."""


class CannotSign(KeyFailure):
    """What signs documents is not installed here; the message says what to install."""


def sign(pdf: bytes, key: DocumentKey, *, name: str, reason: str, at: datetime) -> bytes:
    """The PDF with the authority's signature. ``at`` (aware) is the time that it claims.

    Raises `CannotSign` without the extra ``sign``.
    """
    try:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415 - optional
        from pyhanko.sign import fields, signers  # noqa: PLC0415 - two seconds, for the worker alone
        from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415
    except ImportError:
        raise CannotSign("Documents cannot be signed: install assay-portal[sign] for the worker") from None

    class Signer(signers.PdfSigner):
        """pyHanko's, with the clock of the instance in place of the machine's."""

        def init_signing_session(self, *given: Any, **named: Any) -> Any:
            session = super().init_signing_session(*given, **named)
            session.system_time = at
            return session

    certificates = [_asn1(one) for one in key.chain]
    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    registry.register_multiple(certificates[1:])
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        name=name,
        reason=reason,
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    by = signers.SimpleSigner(signing_cert=certificates[0], signing_key=_private(key), cert_registry=registry)
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    # Without it pyHanko signs twice, to see how long a signature is. It is written in hex: twice the bytes.
    room = 2 * (ROOM + sum(len(one.dump()) for one in certificates))
    made: io.BytesIO = Signer(metadata, signer=by).sign_pdf(writer, bytes_reserved=room)
    return made.getvalue()


def _asn1(certificate: Any) -> Any:
    from asn1crypto import x509  # noqa: PLC0415 - comes with the extra

    return x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _private(key: DocumentKey) -> Any:
    from asn1crypto import keys  # noqa: PLC0415 - comes with the extra

    encoded = key.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return keys.PrivateKeyInfo.load(encoded)

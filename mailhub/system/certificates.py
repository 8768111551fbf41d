"""Certificates of ours and their keys, as contexts of servers: for STARTTLS and for HTTPS.

Must not: load more than Python's own, since `check-config` and `doctor` ask here without a daemon.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from mailhub.errors import ConfigurationError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secrecy and AEAD only; TLS 1.3 has no others


def mail_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server context for STARTTLS: TLS 1.2 or newer. Raises ``ConfigurationError`` when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot use the certificate {certificate} with the key {key}: {error}"
        ) from error
    return context


def https_context(certificate: str, key: str) -> ssl.SSLContext:
    """A server context for HTTPS. Raises ``ConfigurationError`` when the files cannot be used."""
    if not certificate or not key:
        raise ConfigurationError("https.enabled needs https.certificate and https.key: PEM files")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])

    try:
        context.load_cert_chain(Path(certificate), Path(key), password=_no_passphrase)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"https: cannot use {certificate} with {key}: {error}") from error

    return context


def _no_passphrase() -> str:
    """Instead of OpenSSL's question on the terminal, which nobody would answer."""
    raise ValueError("the key has a passphrase: store it without one, readable by the service only")

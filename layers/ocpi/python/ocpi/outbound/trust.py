"""Whom we believe when a partner shows a certificate."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS context of this process: TLS 1.2 or later, certificate and host name verified.

    Trusts what the system trusts (``SSL_CERT_FILE`` counts), or botocore's bundle where the system has none.
    Made once: loading the certificates costs tens of milliseconds.
    """
    context = ssl.create_default_context(cafile=_bundle())
    # Some systems' Python allows older versions by default.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _bundle() -> str | None:
    """``None``: what the system trusts."""
    system = ssl.get_default_verify_paths()
    if system.cafile or system.capath:
        return None
    from botocore.httpsession import get_cert_path  # noqa: PLC0415 - expensive, and seldom needed

    path: str | None = get_cert_path(verify=True)
    return path

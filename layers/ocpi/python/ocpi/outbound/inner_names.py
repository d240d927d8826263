"""Host names that lead inside, wherever a resolver says that they are: judged before anything is resolved.

Sources: the IANA Special-Use Domain Names registry, ICANN's reservation of ``internal`` (2024), the names without an
owner that routers and Windows domains use all the same (ICANN's name collision studies), and the metadata names that
cloud providers document. Names of documentation and tests (``example``, ``test``, ``invalid``) lead nowhere and need
no rule.
"""

from __future__ import annotations

_METADATA = (
    "metadata",  # Google Cloud, the short form
    "metadata.google.internal",
    "instance-data",  # AWS, the short form
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
)
_INNER = (
    "arpa",  # reverse lookups, home.arpa, resolver.arpa, ipv4only.arpa
    "corp",
    "home",
    "internal",  # ec2.internal and compute.internal of AWS among them
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
)


def why_inner(host: str, *, allow_private: bool) -> str | None:
    """Why a host of this name is none of a partner's, or ``None`` if it may be one.

    ``host`` is lower case ASCII without a trailing dot. ``allow_private`` lets names of one's own machine and network
    through, but never those of metadata services.
    """
    if any(host == name or host.endswith(f".{name}") for name in _METADATA):
        return "has the host of a metadata service"
    if allow_private:
        return None
    if "." not in host:
        return "has a host without a domain"
    if host.rpartition(".")[2] in _INNER:
        return "has a host of an inner network"
    return None

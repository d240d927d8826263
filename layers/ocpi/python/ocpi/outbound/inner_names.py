"""Host names that lead inside, wherever a resolver says that they are: judged before anything is resolved.

Sources: the IANA Special-Use Domain Names registry (RFC 6761, 6762 with its appendix G, 7686, 8375, 9476), ICANN's
reservation of ``internal`` (2024), the names without an owner that routers and Windows domains use all the same
(ICANN's name collision studies), the domains that containers, clusters and virtual machines get by default, and the
metadata names that cloud providers document. But for ``arpa`` none is delegated at the root (looked up in the Public
Suffix List of April 2026), though a resolver inside may answer for each. Of what RFC 6761 reserves only ``example`` is
left to the resolver: it is what documentation and tests are made of.
"""

from __future__ import annotations

_METADATA = (
    "metadata",  # Google Cloud, the short form
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",  # AWS, the short form
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "api.metadata.cloud.ibm.com",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
    "metadata.packet.net",
    "rancher-metadata",
)
_SPECIAL_USE = ("alt", "arpa", "invalid", "local", "localhost", "onion", "test")
"""``arpa``: reverse lookups, home.arpa, resolver.arpa, ipv4only.arpa."""
_NETWORKS_OF_ONES_OWN = (
    "belkin",
    "corp",
    "dhcp",
    "dlink",
    "dom",
    "domain",
    "gateway",
    "home",
    "internal",  # ec2.internal and compute.internal of AWS, docker.internal, rancher.internal among them
    "intern",
    "intra",
    "intranet",
    "lan",
    "loc",
    "localdomain",
    "localnet",
    "mail",
    "priv",
    "private",
    "router",
    "workgroup",
)
_CLUSTERS = (
    "cluster",  # cluster.local is among those in local
    "consul",
    "default",  # the namespace: kubernetes.default
    "docker",
    "incus",
    "kube-system",
    "kubernetes",
    "lxc",
    "lxd",
    "maas",
    "mesos",
    "nomad",
    "novalocal",
    "openstacklocal",
    "podman",
    "svc",
    "swarm",
    "vagrant",
)
_INNER = frozenset({*_SPECIAL_USE, *_NETWORKS_OF_ONES_OWN, *_CLUSTERS})


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

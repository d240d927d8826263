"""URLs that a partner might choose to have us call ourselves, our network or our cloud; and a control group.

One table for every test of the address guard. Ranges: the IANA IPv4 and IPv6 Special-Purpose Address Registries (each
row, with an address of its own), multicast, and what is outside the global unicast space of IPv6. Names are made up:
``RESOLVES`` says where they lead, so no test asks a resolver.
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:2800:21f::1"
OWN_URL = "https://ocpi.operator.example/charging"
"""What our own URLs begin with, where a test says so."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A URL, and why it is in the table. ``resolves``: the addresses of its host, where that is a name."""

    url: str
    why: str
    resolves: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host, as far as a name of this table is concerned."""
        return self.url.partition("://")[2].partition("/")[0].partition(":")[0].lower()

    def __str__(self) -> str:
        return f"{self.why}: {self.url!r}"


_RANGES = {
    "this network": ("0.0.0.0", "0.1.2.3"),  # noqa: S104 - nothing binds to it here
    "private": ("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"),
    "shared address space": ("100.64.0.1", "100.127.255.255"),
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "link-local": ("169.254.0.1", "fe80::1", "febf::1"),
    "IETF protocol assignments": ("192.0.0.1", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.171"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"),
    "AS112": ("192.31.196.1", "192.175.48.1", "2001:4:112::1", "2620:4f:8000::1"),
    "AMT": ("192.52.193.1", "2001:3::1"),
    "6to4 relay": ("192.88.99.1", "192.88.99.2"),
    "benchmarking": ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    "multicast": ("224.0.0.1", "233.252.0.1", "239.255.255.255", "ff02::1", "ff0e::1"),
    "reserved": ("240.0.0.1", "255.255.255.254"),
    "limited broadcast": ("255.255.255.255",),
    "unspecified": ("::",),
    "IPv4-mapped": ("::ffff:7f00:1", "::ffff:a9fe:a9fe", "::ffff:0:1", "::ffff:a00:1"),
    "IPv4-translated": ("::ffff:0:7f00:1",),
    "IPv4-compatible": ("::7f00:1", "::a9fe:a9fe", "::a00:1"),
    "NAT64": ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::c0a8:1", "64:ff9b::5db8:d70e"),
    "NAT64 of a network's own": ("64:ff9b:1::1", "64:ff9b:1:ffff::a9fe:a9fe"),
    "discard-only": ("100::1", "100:0:0:1::1"),
    "protocol assignments": ("2001:1::1", "2001:1::2", "2001:1::3", "2001:10::1", "2001:20::1", "2001:30::1"),
    "Teredo": ("2001::1", "2001:0:7f00:1::1", "2001:0:5ef5:79fb:0:0:f5ff:fffe"),
    "6to4": ("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:1::1", "2002:5db8:d70e::1"),
    "6bone": ("3ffe::1",),
    "segment routing": ("5f00::1",),
    "unique local": ("fc00::1", "fdff::1"),
    "site-local": ("fec0::1",),
    "outside the global unicast space": ("200::1", "4000::1", "8000::1", "fe00::1"),
    "metadata": ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16"),
    "metadata at Oracle": ("192.0.0.192",),
    "metadata over IPv6": ("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    "Lambda's own": ("169.254.100.1", "169.254.79.129", "169.254.76.1"),
}

ADDRESSES = tuple(address for addresses in _RANGES.values() for address in addresses)
"""Every address of the table, as a resolver would give it."""


def _authority(address: str) -> str:
    """As it stands in a URL."""
    return f"[{address}]" if ":" in address else address


_LITERALS = tuple(
    Vector(f"https://{_authority(address)}/ocpi", why) for why, addresses in _RANGES.items() for address in addresses
)
# What DNS64 makes of a public host is allowed behind a name: there is no other way out of an IPv6 network.
_BEHIND_NAMES = tuple(
    Vector(f"https://h{number}.partner.example/ocpi", f"a name that leads to {why}", (address,))
    for number, (why, address) in enumerate(
        (why, address) for why, addresses in _RANGES.items() for address in addresses if address != "64:ff9b::5db8:d70e"
    )
)
_SEVERAL = (
    Vector("https://mixed.partner.example/", "one of several is inner", (PUBLIC, "10.0.0.1")),
    Vector("https://mixed6.partner.example/", "one of several is inner", (PUBLIC_V6, PUBLIC, "fd00:ec2::254")),
    Vector("https://mixed-first.partner.example/", "one of several is inner", ("127.0.0.1", PUBLIC)),
    Vector("https://scoped.partner.example/", "bound to an interface", ("fe80::1%eth0",)),
)
_FORMS = tuple(
    Vector(url, why)
    for why, urls in {
        "decimal": ("https://2130706433/", "https://2852039166/", "https://0/", "https://4294967295/"),
        "octal": ("https://0177.0.0.1/", "https://017700000001/", "https://0251.0376.0251.0376/", "https://010.0.0.1/"),
        "hex": ("https://0x7f000001/", "https://0x7f.0.0.1/", "https://0xA9FEA9FE/", "https://0x7f.0x0.0x0.0x1/"),
        "short": ("https://127.1/", "https://127.0.1/", "https://10.1/", "https://169.254.43518/"),
        "mixed forms": ("https://0xa9.0376.43518/", "https://127.0.0.0x1/", "https://0x/"),
        "dotted IPv4 in IPv6": (
            "https://[::ffff:127.0.0.1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::10.0.0.1]/",
        ),
        "long IPv6": ("https://[0:0:0:0:0:0:0:1]/", "https://[0000::1]/", "https://[0:0:0:0:0:ffff:7f00:1]/"),
        "zone": ("https://[fe80::1%25eth0]/", "https://[::1%25lo]/", "https://[fe80::1%eth0]/"),
        "broken brackets": ("https://[::1/", "https://::1/", "https://[v1.::1]/", "https://[127.0.0.1]/"),
        "trailing dot": ("https://127.0.0.1./", "https://169.254.169.254./", "https://localhost./", "https://127.1./"),
        "full-width digits": ("https://\uff11\uff12\uff17.0.0.1/", "https://\uff11\uff10.\uff10.\uff10.\uff11/"),
        "other digits": (
            "https://\u2460\u2461\u2466.0.0.1/",
            "https://\u0661\u0662\u0667.0.0.1/",
            "https://\u00b9\u2070.0.0.1/",
        ),
        "mathematical digits": ("https://\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1/",),
        "IDNA dots": (
            "https://127\u30020\u30020\u30021/",
            "https://127\uff0e0\uff0e0\uff0e1/",
            "https://127\uff610\uff610\uff611/",
        ),
        "look-alikes": (
            "https://\uff4cocalhost/",
            "https://loc\u00adalhost/",
            "https://\u24dbocalhost/",
            "https://localho\u017ft/",
        ),
        "percent in the host": (
            "https://%31%32%37.0.0.1/",
            "https://127.0.0.1%2f.partner.example/",
            "https://127.0.0.1%00.partner.example/",
        ),
        "userinfo": (
            "https://partner.example@127.0.0.1/",
            "https://user:pw@10.0.0.1/",
            "https://@127.0.0.1/",
            "https://partner.example:443@127.0.0.1:80/",
        ),
        "backslash": (
            "https://partner.example\\@127.0.0.1/",
            "https:\\\\127.0.0.1/",
            "https://127.0.0.1\\.partner.example/",
        ),
        "tab or newline": (
            "https://127.0.\t0.1/",
            "https://127.0.0.1\n/",
            "\thttps://127.0.0.1/",
            "https://partner.example/\r\nHost: 127.0.0.1",
            "ht\ntps://127.0.0.1/",
        ),
        "blank": (
            "https://127.0.0.1 /",
            " https://127.0.0.1/",
            "https://partner.example /",
            "https://partner.example/\u00a0",
            "https://\u2003127.0.0.1/",
        ),
        "invisible": ("https://127.0.0.1\u200b/", "https://\u202e1.0.0.721/", "https://partner.example/\x00"),
        "port": tuple(
            f"https://partner.example:{port}/"
            for port in (
                "0",
                "22",
                "25",
                "6379",
                "11211",
                "9001",
                "65536",
                "99999",
                "00443",
                "+443",
                "-1",
                "http",
                "44 3",
                "",
                "4\uff143",
                "443:443",
            )
        ),
        "scheme": (
            "http://partner.example/",
            "ftp://partner.example/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_",
            "dict://127.0.0.1:11211/",
            "ldap://127.0.0.1/",
            "jar:https://partner.example!/",
            "data:text/plain,x",
            "javascript:0",
            "unix:///var/run/docker.sock",
            "ws://partner.example/",
            "https+unix://partner.example/",
        ),
        "not absolute": (
            "//127.0.0.1/",
            "/ocpi/versions",
            "127.0.0.1/",
            "https:127.0.0.1/",
            "https:/127.0.0.1/",
            "https:///127.0.0.1/",
            "https://",
            "",
            "https://?127.0.0.1",
            "https://#@127.0.0.1/",
        ),
        "localhost": (
            "https://localhost/",
            "https://LOCALHOST/",
            "https://localhost:8443/",
            "https://a.localhost/",
            "https://localhost.localdomain/",
            "https://ip6-localhost/",
            "https://sandbox.localdomain/",
        ),
        "names of one's own network": (
            "https://router/",
            "https://printer.local/",
            "https://nas.lan/",
            "https://intranet/",
            "https://x.intranet/",
            "https://dc.corp/",
            "https://box.home.arpa/",
            "https://1.0.0.127.in-addr.arpa/",
            "https://ocpi.test/",
            "https://ocpi.invalid/",
            "https://ocpi.alt/",
            "https://ocpi.onion/",
            "https://nas.home/",
            "https://exchange.mail/",
            "https://vault.private/",
            "https://vault.priv/",
            "https://wiki.intra/",
            "https://wiki.intern/",
            "https://pc.localnet/",
            "https://pc.dhcp/",
            "https://pc.workgroup/",
            "https://pc.domain/",
            "https://pc.dom/",
            "https://pc.loc/",
            "https://my.router/",
            "https://my.gateway/",
            "https://setup.belkin/",
            "https://setup.dlink/",
            "https://PC.Corp./",
        ),
        "names inside a cluster": (
            "https://ocpi.production.svc/",
            "https://kubernetes.default/",
            "https://kubernetes.default.svc.cluster.local/",
            "https://dns.kube-system/",
            "https://api.cluster/",
            "https://node.kubernetes/",
            "https://db.service.consul/",
            "https://job.nomad/",
            "https://tasks.swarm/",
            "https://host.docker.internal/",
            "https://db.docker/",
            "https://db.podman/",
            "https://leader.mesos/",
        ),
        "names of containers and virtual machines": (
            "https://c1.lxc/",
            "https://c1.lxd/",
            "https://c1.incus/",
            "https://box.vagrant/",
            "https://node.maas/",
            "https://vm-1.novalocal/",
            "https://vm-1.openstacklocal/",
        ),
        "metadata name": (
            "https://metadata.google.internal/computeMetadata/v1/",
            "https://metadata/",
            "https://instance-data/latest/",
            "https://instance-data.ec2.internal/",
            "https://metadata.google.internal./",
            "https://METADATA.GOOGLE.INTERNAL/",
            "https://metadata.tencentyun.com/",
            "https://metadata.goog/computeMetadata/v1/",
            "https://api.metadata.cloud.ibm.com/",
            "https://metadata.packet.net/metadata",
            "https://metadata.platformequinix.com/",
            "https://metadata.azure.internal/",
            "https://rancher-metadata/latest/",
        ),
        "machine's name inside AWS": (
            "https://ip-10-0-0-1.ec2.internal/",
            "https://ip-10-0-0-1.eu-west-1.compute.internal/",
        ),
        "Lambda's runtime API": (
            "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
            "https://127.0.0.1:9001/",
            "http://sandbox:9001/",
            "http://169.254.100.1:9001/",
        ),
        "ourselves": (
            f"{OWN_URL}/ocpi/cpo/versions",
            f"{OWN_URL}/operator/partners",
            OWN_URL,
            "https://OCPI.operator.example.:443/charging/",
            "https://ocpi.operator.example//charging/ocpi/cpo/versions",
            "https://ocpi.operator.example/./charging/operator/partners",
            "https://ocpi.operator.example/a/../charging/operator/partners",
            "https://ocpi.operator.example/a/%2e%2e/charging/operator/partners",
            "https://ocpi.operator.example/a%2f..%2fcharging/operator/partners",
            "https://ocpi.operator.example/%63harging/operator/partners",
            "https://ocpi.operator.example/%2563harging/operator/partners",
            "https://ocpi.operator.example/charging;a=b/operator/partners",
        ),
    }.items()
    for url in urls
)  # fmt: skip - a table: a row for each form

REFUSED = (*_LITERALS, *_BEHIND_NAMES, *_SEVERAL, *_FORMS)
"""Nothing is ever sent to any of these."""

ALLOWED = (
    Vector("https://partner.example/ocpi/versions", "an ordinary URL", (PUBLIC,)),
    Vector("https://ocpi.partner.example:8443/versions?a=b", "another port", (PUBLIC,)),
    Vector("HTTPS://Partner.Example./", "capitals and a trailing dot", (PUBLIC,)),
    Vector("https://b\u00fccher.example/", "a name beyond ASCII", (PUBLIC,)),
    Vector("https://10.partner.example/", "a number as a label", (PUBLIC,)),
    Vector("https://127.0.0.1.partner.example/", "an address as labels, which leads outside", (PUBLIC,)),
    Vector("https://localhost.partner.example/", "an inner word as a label, which leads outside", (PUBLIC,)),
    Vector("https://internal.example/", "an inner word as a label, which leads outside", (PUBLIC,)),
    Vector("https://svc.cluster.example/", "inner words as labels, which lead outside", (PUBLIC,)),
    Vector("https://charging.host/", "a top-level domain that somebody owns", (PUBLIC,)),
    Vector("https://charging.services/", "a top-level domain that somebody owns", (PUBLIC,)),
    Vector("https://partner.example/a@127.0.0.1:80/", "an address in the path", (PUBLIC,)),
    Vector("https://partner.example/?url=http://169.254.169.254/", "an address in the query", (PUBLIC,)),
    Vector("https://v6.partner.example/", "IPv6 only", (PUBLIC_V6,)),
    Vector("https://both.partner.example/", "both", (PUBLIC_V6, PUBLIC)),
    Vector("https://nat64.partner.example/", "a public host as DNS64 gives it", ("64:ff9b::5db8:d70e",)),
    Vector(f"https://{PUBLIC}/", "a public address"),
    Vector(f"https://[{PUBLIC_V6}]:8443/", "a public address"),
    *(
        Vector(f"https://{_authority(address)}/", "a neighbour of a reserved range")
        for address in (
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2003::1",
            "2a00::1",
            "2620:4f:8001::1",
            "3ffd::1",
        )
    ),
    Vector("https://ocpi.operator.example/other/versions", "beside us at our own domain", (PUBLIC,)),
    Vector("https://ocpi.operator.example/chargingpoints", "beside us at our own domain", (PUBLIC,)),
    Vector("https://ocpi.operator.example/other/NL%2DTNM", "beside us at our own domain, with an escape", (PUBLIC,)),
)  # fmt: skip - addresses in rows
"""What a guard that refuses everything would fail."""

RESOLVES = {vector.host.rstrip("."): vector.resolves for vector in (*REFUSED, *ALLOWED) if vector.resolves} | {
    "partner.example": (PUBLIC,),
    "xn--bcher-kva.example": (PUBLIC,),
}
"""Where each name of the table leads."""

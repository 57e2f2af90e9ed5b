"""Whether an address is one that comes from the internet."""

import ipaddress

_INSIDE = [
    ipaddress.ip_network(cidr)
    for cidr in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
]  # fmt: skip
"""Our own list: Python also calls the documentation ranges private, which every example and test lives in."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = 96
"""Where the IPv4 address begins in `::ffff:192.0.2.1`."""


def parse(text: str) -> Address | None:
    """The single address that a text is, and nothing else: no service name, no port, no zone, no network."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def is_public(address: Address) -> bool:
    """Whether it can be the other end of a connection over the internet."""
    return not any(address.version == network.version and address in network for network in _INSIDE)


def network(text: str) -> Network:
    """The network that a target's id or a set's entry is, an IPv4 address in IPv6's clothes as what it is.

    Raises ValueError for anything else. Bits behind the prefix are dropped, as AWS does.
    """
    found = ipaddress.ip_network(text, strict=False)
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    if mapped is None or found.prefixlen < _MAPPED:
        return found
    return ipaddress.ip_network(f"{mapped}/{found.prefixlen - _MAPPED}")


def overlap(one: Network, other: Network) -> bool:
    """Whether they have an address in common, whichever is the wider."""
    return one.version == other.version and one.overlaps(other)


def is_reserved(found: Network) -> bool:
    """Whether any part of it can be no other end of a connection over the internet."""
    return any(overlap(found, each) for each in _INSIDE)


def covers(wide: Network, narrow: Network) -> bool:
    """Whether every address of the second is in the first."""
    return wide.version == narrow.version and overlap(wide, narrow) and wide.prefixlen <= narrow.prefixlen

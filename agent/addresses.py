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

"""What a ledger raises: the lease is somebody else's, what is to be kept does not fit, or the database does not answer."""


class LostLease(RuntimeError):
    """Another process works this run now: stop at once, write nothing."""


class TooLarge(ValueError):
    """What should be kept does not fit, however it is packed: nothing was written."""


class Unavailable(RuntimeError):
    """The ledger's database gave no answer, or will not serve us: what is known is unknown now, so go no further."""

"""Where things are in the table: what an incident's redelivery needs lies together, all else by run or by effect."""

import hashlib
from dataclasses import dataclass

from tools.ledger.dynamo.attributes import Key

WORKED, RUNS, STANDING, LAPSED, OPEN = "WORKED", "RUN", "STANDING", "LAPSED", "OPEN"
"""Names in the index: runs that have not come to an end or a wait, all others, claims that stand, those that lapsed, and those
of which no outcome was kept yet."""
CARDS = "CARDS"
"""The partition of cards that people were told of, the newest last."""
PARKED = "PARKED"
"""The partition of deliveries that could not be worked."""


FIRST_START = Key("FIRST_START", "FIRST_START")
"""When the ledger was first used."""


@dataclass(frozen=True)
class Place:
    """Where a run's row, its request and the answers lie: in its incident's partition, the newest generation last."""

    partition: str
    generation: int

    @property
    def row(self) -> Key:
        """The run's row; of all its generation's items the last."""
        return self._key("RUN")

    @property
    def request(self) -> Key:
        return self._key("REQUEST")

    @property
    def answers(self) -> str:
        """What the sort keys of the answers begin with."""
        return self._key("ANSWER#").sort

    def answer(self, nonce: str) -> Key:
        return self._key(f"ANSWER#{nonce}")

    def _key(self, what: str) -> Key:
        return Key(self.partition, f"{self.generation:06d}#{what}")


def incident(name: str) -> str:
    """The partition of an incident."""
    return f"INCIDENT#{_hash(name)}"


def case(name: str) -> str:
    """The partition of a case."""
    return f"CASE#{_hash(name)}"


def kin(name: str, at: str, run_id: str) -> Key:
    """That the run, opened then, is one of the case; the newest last."""
    return Key(case(name), f"{at}#{run_id}")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def run(run_id: str) -> str:
    """The partition of what a run alone has: where its row is, its event, its report, its receipts."""
    return f"RUN#{run_id}"


def place(run_id: str) -> Key:
    """Where the run's row lies is written here."""
    return Key(run(run_id), "PLACE")


def piece(partition: str, of: str, number: int) -> Key:
    """A piece of a long text: of a run's `BODY` or `REPORT`, or of a parked delivery."""
    return Key(partition, f"{of}#{number:03d}")


def receipt(run_id: str, action_id: str, kind: str) -> Key:
    """The receipt of an action, or of its undo."""
    return Key(run(run_id), f"RECEIPT#{action_id}#{kind}")


def effect(key: str) -> str:
    """The partition of an effect: who claims it, and who needs it."""
    return f"EFFECT#{key}"


def claim(key: str) -> Key:
    """Who claims the effect."""
    return Key(effect(key), "CLAIM")


def need(key: str, run_id: str) -> Key:
    """That the run needs the effect."""
    return Key(effect(key), f"NEED#{run_id}")


def made_in(where: str) -> str:
    """The partition of what we made in an account and Region."""
    return f"MADE#{where}"


def made(where: str, resource: str) -> Key:
    """That we made the resource."""
    return Key(made_in(where), resource)


def nonce(value: str) -> Key:
    """What an answer was for, and who used it."""
    return Key(f"NONCE#{value}", "ANSWER")


def refused(key: str) -> Key:
    """Who refused it last."""
    return Key(f"REFUSED#{key}", "REFUSED")

"""Which user a finding means where names have moved: whoever may rename a user may also make another of its old name."""

from datetime import datetime
from typing import Any

from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering

FACTS = ("key.owner_renamed", "user.renamed")
"""Told only of whoever was: of the key that the finding knows under another user, and of that user under the new name."""

LIST_USERS = AwsCall("iam", "ListUsers", permission="iam:ListUsers", resource="*", phases=frozenset({Phase.READ}))
"""The only way from a unique id to a user: IAM has no call that takes one."""
_PAGE = 1000
"""IAM's own limit. An account holds 5,000 users."""


def is_the_one(user: Any, target: Target, since: datetime | None) -> bool:
    """Whether the user that IAM describes is the one meant, and not another who has its name now.

    By its unique id, which a rename leaves as it is; where the finding gives none, whoever was made after `since`, when
    the finding saw its user act, is another.
    """
    if target.unique_id is not None:
        return bool(user["UserId"] == target.unique_id)
    return since is None or bool(user["CreateDate"] <= since)


def name_now(gathering: Gathering, aws: Aws, unique_id: str) -> str | None:
    """What the user of this unique id is called now; None where the account has no such user. Raises AwsError."""
    listed = (user for page in gathering.pages(aws, LIST_USERS, MaxItems=_PAGE) for user in page["Users"])
    return next((str(user["UserName"]) for user in listed if user["UserId"] == unique_id), None)


def tell_renamed(gathering: Gathering, keys: list[Target], name: str, known_as: list[Target]) -> list[Target]:
    """The user under the name that IAM gives; from here on the keys are known to be the user's.

    `known_as` is the user as the finding names it, if it does.
    """
    said = [*known_as, *keys][0].model_dump() | {"kind": TargetKind.USER, "id": name, "owner": None}
    try:
        user = Target.model_validate(said)
    except ValueError:  # no name that a user can have
        return []
    if known_as:
        gathering.known("user.renamed", user, True)
    for key in keys:
        held = Target.model_validate({**key.model_dump(), "owner": name})
        gathering.target(held)
        if key.owner is not None:
            gathering.known("key.owner_renamed", held, True)
    return [user]

"""Organizations: read by its management account and its delegated administrators, never by a member; in pages that may be empty."""

from typing import Any

from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page


@op("organizations", "DescribeAccount")
def describe_account(ctx: Ctx, params: Wire) -> Any:
    """One account of the organisation."""
    return _organization(ctx).describe_account(**params)


@op("organizations", "DescribeOrganizationalUnit")
def describe_unit(ctx: Ctx, params: Wire) -> Any:
    """One organisational unit."""
    return _organization(ctx).describe_organizational_unit(**params)


@op("organizations", "ListParents")
def list_parents(ctx: Ctx, params: Wire) -> Any:
    """The one unit or root above."""
    return _paged("Parents", _organization(ctx).list_parents(ChildId=params["ChildId"])["Parents"], params, "ChildId")


@op("organizations", "ListTagsForResource")
def list_tags(ctx: Ctx, params: Wire) -> Any:
    """The tags of an account or a unit."""
    tags = _organization(ctx).list_tags_for_resource(ResourceId=params["ResourceId"])["Tags"]
    return _paged("Tags", tags, params, "ResourceId")


def _organization(ctx: Ctx) -> Any:
    """The state of the organisation that the caller may read."""
    from moto.organizations.models import organizations_backends
    from moto.utilities.utils import get_partition

    partition = get_partition(ctx.region)
    own: Any = organizations_backends[ctx.account][partition]
    if own.org is not None:
        return own
    if ctx.account not in organizations_backends.master_accounts:
        raise refuse("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    management, _ = organizations_backends.master_accounts[ctx.account]
    whole: Any = organizations_backends[management][partition]
    if ctx.account not in {admin.account.id for admin in whole.admins}:
        raise refuse("AccessDeniedException", "You don't have permissions to access this resource.")
    return whole


def _paged(name: str, items: list[Any], params: Wire, of: str) -> Wire:
    """Pages of five; the first holds nothing, as AWS's own may although more follow."""
    try:
        padded: list[Any] = [None] * 5 + items
        part, token = page(padded, token=params.get("NextToken"), size=5, question={of: params[of]})
    except BadToken as error:
        raise refuse(
            "InvalidInputException", "You provided a value that does not match the required pattern."
        ) from error
    return {name: [one for one in part if one is not None], "NextToken": token}

"""What the sandbox does with less work comes out as moto and botocore would have it."""

import io
from typing import Any

import pytest
import xmltodict
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from engine_scene import ACCOUNT, REGION, fresh
from hypothesis import given
from hypothesis import strategies as st

from tools.sandbox.mechanism import original, prepare
from tools.sandbox.signing import proof
from tools.sandbox.xml_writing import unparse

_NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
_LEAF = st.one_of(_TEXT, st.booleans(), st.integers(), st.floats(allow_nan=False), st.none(), st.binary(max_size=4))


def _parent(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    children = st.dictionaries(_NAME, st.one_of(inner, st.lists(inner, max_size=3)), max_size=4)
    attributes = st.dictionaries(_NAME.map(lambda name: f"@{name}"), _TEXT, max_size=2)
    return st.builds(lambda one, other: other | one, children, attributes)


@given(name=_NAME, value=_parent(st.recursive(_LEAF, _parent, max_leaves=12)), whole=st.booleans())
def test_an_answer_is_the_xml_that_xmltodict_writes(name: str, value: Any, whole: bool) -> None:
    expected = xmltodict.unparse({name: value}, full_document=whole, short_empty_elements=True)
    assert unparse({name: value}, full_document=whole) == expected


@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        (
            "POST",
            "https://iam.amazonaws.com/",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Action=GetUser",
        ),
        ("POST", "https://iam.amazonaws.com/", {"Content-Type": "application/x-www-form-urlencoded"}, b""),
        ("GET", "https://b.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC?versionId=x%2Fy&tagging", {"X-Id": "ü"}, None),
        (
            "PUT",
            "https://b.s3.amazonaws.com/k",
            {"x-amz-meta-my_key": "1", "Content-Length": "9", "Host": "else"},
            "text",
        ),
        ("HEAD", "http://127.0.0.1:8080//two", {"Transfer-Encoding": "chunked", "X-Bytes": b"raw"}, b""),
        ("GET", "https://s3.amazonaws.com", {}, None),
    ],
)
def test_a_request_is_the_one_that_motos_builder_makes(
    method: str, url: str, headers: dict[str, Any], body: Any
) -> None:
    from moto.core.request import Request

    prepare("core")
    sent = HTTPHeaders()
    for name, value in [*headers.items(), ("X-Twice", "1"), ("X-Twice", "2")]:
        sent[name] = value
    ours = Request.from_primitives(method, url, sent, body)
    theirs = original("moto.core.request", "Request.from_primitives").__func__(Request, method, url, sent, body)
    assert _told(ours) == _told(theirs)
    assert ours.environ.keys() >= theirs.environ.keys() - {"wsgi.errors"}


def _told(request: Any) -> dict[str, Any]:
    environ = {name: value for name, value in request.environ.items() if not isinstance(value, io.IOBase)}
    kept = {
        name: value for name, value in environ.items() if not name.startswith("werkzeug.") and name != "wsgi.errors"
    }
    return kept | {"url": request.raw_url, "data": request.get_data(), "sent": dict(request.headers.items())}


def test_a_proof_is_no_signature_for_another_process() -> None:
    sandbox = fresh()
    signed: list[AWSPreparedRequest] = []
    client = sandbox.client("iam", ACCOUNT, REGION)
    client.meta.events.register_first("before-send", lambda request, **_: signed.append(request))
    client.list_users()
    given_ = signed[0].headers["Authorization"]
    secret = sandbox.admin(ACCOUNT, REGION).secret
    assert proof(secret).encode() in (given_ if isinstance(given_, bytes) else given_.encode())
    assert len(proof("")) == 33, "a word of this process stands before the secret"


def test_a_link_is_signed_as_ever() -> None:
    link = (
        fresh().client("s3", ACCOUNT, REGION).generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    )
    assert "X-Amz-Signature=" in link or "Signature=" in link

"""How the served sandbox says that it does not have something: an error that every AWS client reads, in the caller's protocol."""

import json
from xml.sax.saxutils import escape

CODE, STATUS = "NotImplemented", 501
"""Clients do not repeat what was answered like this."""
_XML = ("s3", "s3-control", "cloudfront", "route53")


def refusal(service: str, target: str | None, body: bytes, why: str, identifier: str) -> tuple[dict[str, str], bytes]:
    """Headers and body. The protocol is told by the request: its target header, its form, or whose service it is for."""
    text = f"{why} Nothing left this machine."
    inner = f"<Code>{CODE}</Code><Message>{escape(text)}</Message>"
    if target is None and b"Action=" in body and service == "ec2":
        whole = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{identifier}</RequestID></Response>"
    elif target is None and b"Action=" in body:
        whole = f"<ErrorResponse><Error>{inner}</Error><RequestId>{identifier}</RequestId></ErrorResponse>"
    elif service in _XML:
        whole = f"<Error>{inner}<RequestId>{identifier}</RequestId></Error>"
    else:
        said = json.dumps({"__type": CODE, "message": text})
        return {"content-type": "application/json", "x-amzn-errortype": CODE}, said.encode()
    return {"content-type": "text/xml"}, whole.encode()

"""The run as a JUnit file, for whatever shows test results."""

import re
from xml.etree import ElementTree

from evals.summary import Examined

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(examined: list[Examined], seconds: list[float]) -> bytes:
    """One test case per item; what failed, with each check's message."""
    suite = ElementTree.Element("testsuite", name="stanch-eval", tests=str(len(examined)))
    suite.set("failures", str(sum(not item.ok for item in examined)))
    suite.set("time", f"{sum(seconds):.3f}")
    for item, took in zip(examined, seconds, strict=True):
        case = ElementTree.SubElement(suite, "testcase", name=_text(item.label), classname="stanch-eval")
        case.set("time", f"{took:.3f}")
        if not item.ok:
            lines = [f"{check.name}: {check.message}" for check in item.checks if not check.ok]
            lines += [item.problem] if item.problem else []
            failure = ElementTree.SubElement(case, "failure", message=_text(lines[0][:300]))
            failure.text = _text("\n".join(lines))
    ElementTree.indent(suite)
    written: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)

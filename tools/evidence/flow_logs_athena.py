"""VPC Flow Logs in S3, through Athena: whether the finding's addresses really spoke with anything of ours."""

from collections.abc import Iterable

from agent.addresses import parse
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import GLOBAL
from tools import athena_query, flow_logs
from tools.athena_query import Value, within
from tools.aws import Aws, Rejected
from tools.flow_logs import FACTS, Flows, Kept, Logs
from tools.gathering import Gathering, attempt, home
from tools.log_tables import LogTable, LogTables
from tools.source import Question, SourceSpec
from tools.window import Window

SPEC = SourceSpec(
    name="flow_logs_athena",
    tells="The same as `vpc_flow_logs`, from flow logs that are delivered to S3.",
    facts=FACTS,
    deadline_seconds=90,
    byte_cap=50_000_000_000,
    attacker_writes=(),
)

CALLS = athena_query.CALLS | flow_logs.CALLS | {athena_query.COLUMNS}


def wanted(finding: Finding) -> bool:
    """Only where the finding names somebody on the other side."""
    return bool(finding.remote_addresses)


def gather(aws: Aws, question: Question) -> Answered:
    """One query for all addresses over the table that the registry names, and one more for beats."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    addresses = list(dict.fromkeys(finding.remote_addresses))
    tables = question.registry.athena
    if tables is None or tables.flow_logs is None:
        for address in addresses:
            gathering.absent("address.seen_in_vpc", address, "no_athena_table")
        return gathering.answered()
    for address in addresses:
        gathering.want(address, FACTS)
    table = tables.flow_logs
    aws = aws.at(home(aws.partition) if finding.region == GLOBAL else finding.region)
    logs = attempt(lambda: _logs(flow_logs.described(gathering, aws)))
    hosts = {address: one for address in addresses if (one := flow_logs.host(address)) is not None}
    if logs.value is None or not logs.value.traffic:
        flow_logs.tell_none(gathering, addresses, logs.gap, "no_flow_logs_in_s3")
        return gathering.answered()
    kept = logs.value
    names = [str(host) for host in hosts.values()]
    flows = attempt(lambda: _flows(gathering, aws, tables, table, kept, names, question) if names else {})
    own = flow_logs.own_interfaces(gathering, aws, finding)
    for address in addresses:
        if flows.value is None or address not in hosts:
            flow_logs.tell_none(gathering, [address], flows.gap or "not_a_single_address", "")
        else:
            flow_logs.tell(gathering, address, flows.value[str(hosts[address])], kept, own, question)
    return gathering.answered()


def _logs(described: list[Kept]) -> Logs:
    logs = Logs()
    for kept in described:
        if kept.to == "s3":
            logs.add(kept)
    return logs


def _flows(
    gathering: Gathering, aws: Aws, tables: LogTables, table: LogTable, logs: Logs, names: list[str], question: Question
) -> dict[str, Flows]:
    """Flows by address. Raises AwsError where the answer is not there, or not all of it."""
    there = athena_query.place(aws, tables, question)
    known = flow_logs.roles(athena_query.columns(gathering, there, table))
    if flow_logs.lacks(known):
        raise Rejected(athena_query.COLUMNS.name, "column_missing")
    window = Window.of(question)
    where = within(table, aws.account, [aws.region], window)
    found = {name: Flows() for name in names}

    def rows(text: str, of: Iterable[str]) -> list[dict[str, str]]:
        return athena_query.run(gathering, there, tables.workgroup, text, _twice(of), SPEC.byte_cap)

    for row in rows(_totals(table, known, where, window, len(found)), found):
        flow_logs.add(found, row, known)
    timed = {"start", "end"} <= set(known)
    flow_logs.listen(
        found, lambda many: rows(_times(table, known, where, window, len(many)), many) if timed else None, logs.window
    )
    return found


def _twice(names: Iterable[str]) -> list[Value]:
    """The addresses, for each of the two ends that they may be."""
    values = [athena_query.address(host) for name in names if (host := parse(name)) is not None]
    return values + values


def _from(table: LogTable, known: dict[str, str], where: str, window: Window, count: int) -> str:
    """The part that both queries have: the partitions first, then the time, then the addresses."""
    marks = ", ".join("?" for _ in range(count))
    timed = (
        f" AND {_number(known, 'start')} BETWEEN {int(window.start.timestamp())} AND {int(window.end.timestamp())}"
        if "start" in known
        else ""
    )
    return (
        f'FROM {table.quoted} WHERE {where}{timed} AND ("{known["src"]}" IN ({marks}) OR "{known["dst"]}" IN ({marks}))'
    )


def _totals(table: LogTable, known: dict[str, str], where: str, window: Window, count: int) -> str:
    parts = [f'"{known["src"]}" AS src', f'"{known["dst"]}" AS dst', f'"{known["action"]}" AS action']
    if {"srcport", "dstport"} <= set(known):
        parts.append(f"least({_number(known, 'srcport')}, {_number(known, 'dstport')}) AS port")
    if "interface" in known:
        parts.append(f'"{known["interface"]}" AS interface')
    by = ", ".join(str(number) for number in range(1, len(parts) + 1))
    return (
        f"SELECT {', '.join(parts)}, count(*) AS flows, sum({_number(known, 'octets')}) AS octets "
        f"{_from(table, known, where, window, count)} GROUP BY {by} LIMIT {athena_query.ROWS}"
    )


def _times(table: LogTable, known: dict[str, str], where: str, window: Window, count: int) -> str:
    return (
        f'SELECT "{known["src"]}" AS src, "{known["dst"]}" AS dst, {_number(known, "start")} AS began, '
        f"max({_number(known, 'end')}) AS ended {_from(table, known, where, window, count)} "
        f"AND \"{known['action']}\" = 'ACCEPT' GROUP BY 1, 2, 3 LIMIT {athena_query.ROWS}"
    )


def _number(known: dict[str, str], role: str) -> str:
    """A column as a number, also where a table has it as text."""
    return f'try_cast("{known[role]}" AS bigint)'

"""Runs one SELECT of Athena's SQL over the objects of a table: sqlglot reads the dialect, DuckDB runs it."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.sandbox.athena_tables import Table, rows

if TYPE_CHECKING:
    import duckdb
    from sqlglot.expressions import Expr, Select

_TYPES = {"VARCHAR": "varchar", "BIGINT": "bigint", "HUGEINT": "bigint", "INTEGER": "integer", "DOUBLE": "double",
          "BOOLEAN": "boolean", "DATE": "date"}  # fmt: skip
Objects = Callable[[Table], Iterable[tuple[str, bytes]]]
"""The objects of a table's bucket, as key and body."""


class Malformed(ValueError):
    """It is no single SELECT over a known table, or its values do not fit it."""


class Failed(ValueError):
    """Athena took the query, and it broke while it ran."""


@dataclass(frozen=True)
class Result:
    """What a query found, and what it read for that."""

    columns: list[tuple[str, str]]
    rows: list[list[str | None]]
    scanned: int
    """Bytes of the objects in the partitions that the query's own conditions leave, as they lie in S3: compressed."""


@dataclass(frozen=True)
class Query:
    """A parsed query, and the table that it asks."""

    sql: str
    database: str
    table: str
    pruning: list[str]
    """Its conditions, each in DuckDB's words, and only the columns that they name decide what they are good for."""
    named: list[list[str]]


def parse(text: str, values: list[str], database: str = "") -> Query:
    """Read a query and put its values in. Raises Malformed."""
    import sqlglot
    from sqlglot import expressions

    try:
        statements = [one for one in sqlglot.parse(text, read="athena") if one is not None]
        literals = [sqlglot.parse_one(value, read="athena") for value in values]
    except sqlglot.errors.SqlglotError as error:
        raise Malformed(str(error).splitlines()[0]) from error
    if len(statements) != 1 or not isinstance(statements[0], expressions.Select):
        raise Malformed("only one SELECT is understood")
    query = statements[0]
    if unknown := query.find(expressions.Anonymous):
        raise Malformed(f"function {unknown.name} is not understood")
    _fill(query, literals)
    tables = list(query.find_all(expressions.Table))
    if len(tables) != 1:
        raise Malformed("only one table is understood")
    conditions = _conditions(query)
    held = Query(
        sql="",
        database=tables[0].db or database,
        table=tables[0].name,
        pruning=[one.sql(dialect="duckdb") for one in conditions],
        named=[sorted({column.name for column in one.find_all(expressions.Column)}) for one in conditions],
    )
    tables[0].replace(expressions.to_table("held"))
    return Query(query.sql(dialect="duckdb"), held.database, held.table, held.pruning, held.named)


def run(query: Query, table: Table, objects: Objects) -> Result:
    """Run it. Raises Failed."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": 1, "autoload_known_extensions": False}) as connection:
        found = [(key, body, place) for key, body in objects(table) if (place := table.place(key)) is not None]
        kept = _pruned(connection, query, table, [place for _, _, place in found])
        chosen = [each for each in found if tuple(each[2].values()) in kept]
        _load(connection, table, chosen)
        connection.execute("SET enable_external_access = false")
        try:
            answer = connection.execute(query.sql)
            columns = [(str(one[0]), _TYPES.get(str(one[1]), "varchar")) for one in answer.description or []]
            cells = [[_written(cell) for cell in row] for row in answer.fetchall()]
        except duckdb.Error as error:
            raise Failed(str(error).splitlines()[0]) from error
    return Result(columns, cells, sum(len(body) for _, body, _ in chosen))


def _fill(query: "Select", literals: "list[Expr]") -> None:
    from sqlglot import expressions

    places = list(query.find_all(expressions.Placeholder, bfs=False))
    if len(places) != len(literals):
        raise Malformed(f"{len(places)} parameters for {len(literals)} values")
    for place, literal in zip(places, literals, strict=True):
        if not isinstance(literal, expressions.Literal):
            raise Malformed("a value is no literal")
        place.replace(literal)


def _conditions(query: "Select") -> "list[Expr]":
    """What all rows must meet: the parts of the WHERE that AND joins."""
    from sqlglot import expressions

    where = query.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, expressions.And) else [where.this]


def _pruned(
    connection: "duckdb.DuckDBPyConnection", query: Query, table: Table, places: list[dict[str, str]]
) -> set[tuple[str, ...]]:
    """The partitions that the conditions on partitions alone leave."""
    connection.execute(f"CREATE TABLE places ({_defined(dict.fromkeys(table.partitions, 'VARCHAR'))})")
    distinct = sorted({tuple(place.values()) for place in places})
    for place in distinct:
        connection.table("places").insert(place)
    known = set(table.partitions)
    pairs = zip(query.pruning, query.named, strict=True)
    tests = [test for test, named in pairs if named and set(named) <= known]
    where = f" WHERE {' AND '.join(f'({test})' for test in tests)}" if tests else ""
    return {tuple(row) for row in connection.execute(f"SELECT * FROM places{where}").fetchall()}  # noqa: S608 - a query is what this runs


def _load(
    connection: "duckdb.DuckDBPyConnection", table: Table, chosen: list[tuple[str, bytes, dict[str, str]]]
) -> None:
    """All rows of the chosen objects as the table `held`, each with its partition."""
    columns = table.columns | dict.fromkeys(table.partitions, "VARCHAR")
    connection.execute(f"CREATE TABLE held ({_defined(columns)})")
    with tempfile.TemporaryDirectory() as folder:
        if table.holds == "parquet":
            for number, (_, body, place) in enumerate(chosen):
                path = Path(folder, f"{number}.parquet")
                path.write_bytes(body)
                told = ", ".join(f'"{name}"' for name in table.columns)
                connection.execute(
                    f"INSERT INTO held SELECT {told}, {', '.join('?' for _ in place)} FROM read_parquet(?)",  # noqa: S608 - our own columns
                    [*place.values(), str(path)],
                )
        elif chosen:
            path = Path(folder, "rows.json")
            path.write_text("\n".join(json.dumps(row) for row in _rows(table, chosen)), encoding="utf-8")
            shape = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            connection.execute(
                f"INSERT INTO held SELECT * FROM read_json(?, format='newline_delimited', columns={{{shape}}})",  # noqa: S608 - our own columns
                [str(path)],
            )


def _rows(table: Table, chosen: list[tuple[str, bytes, dict[str, str]]]) -> Iterator[dict[str, Any]]:
    for _, body, place in chosen:
        for row in rows(table, body):
            yield row | place


def _defined(columns: dict[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _written(cell: Any) -> str | None:
    if cell is None:
        return None
    return str(cell).lower() if isinstance(cell, bool) else str(cell)

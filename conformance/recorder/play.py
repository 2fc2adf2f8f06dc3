"""Plays the steps of a scenario on a session of SQLAlchemy, and writes down its answers."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.pool import StaticPool

from .failure import Senseless, kind_of
from .mapping import Json, Mapping

# After an error in these the session is rolled back.
ENDING = {"flush", "commit", "sql", "release"}


def open_database() -> sa.Engine:
    """An empty database in memory that enforces foreign keys."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        # The driver's own transactions would end savepoints.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


class Play:
    """A session, and the names of its objects."""

    def __init__(self, scenario: Json, mapping: Mapping, engine: sa.Engine) -> None:
        self.mapping = mapping
        options = scenario.get("session", {})
        self.session = orm.Session(
            engine,
            autoflush=options.get("autoflush", True),
            expire_on_commit=options.get("expire_on_commit", True),
        )
        self.names: dict[str, Any] = {}
        self.nested: list[orm.SessionTransaction] = []

    def step(self, step: Json) -> Json:
        """Carries one step out, and answers what is recorded of it."""
        try:
            answer = getattr(self, step["op"])(step) or {}
        except Senseless:
            raise
        except Exception as error:  # Every kind that is not known is raised again.
            kind = kind_of(error)
            if step["op"] in ENDING:
                self.session.rollback()
                self.nested.clear()
            return {"error": kind, "detail": str(error)[:400]}
        return {"ok": True, **answer}

    # --- Names ---------------------------------------------------------------------------------

    def object(self, name: str) -> Any:
        found = self.names.get(name)
        if found is None:
            raise Senseless(name)
        return found

    def name_of(self, one: Any) -> str:
        return next((name for name, known in self.names.items() if known is one), "?")

    def value(self, value: Any) -> Any:
        """Puts the present key of an object in the place of a reference to it."""
        if not (isinstance(value, dict) and "$key" in value):
            return value
        state = sa.inspect(self.object(value["$key"]))
        attributes = [state.mapper.get_property_by_column(one).key for one in state.mapper.primary_key]
        known = state.identity or [None] * len(attributes)
        key = [state.dict.get(name, old) for name, old in zip(attributes, known, strict=True)]
        return key[0] if len(key) == 1 else key

    # --- Objects -------------------------------------------------------------------------------

    def new(self, step: Json) -> None:
        one = self.mapping.classes[step["entity"]]()
        values = {column: self.value(value) for column, value in (step.get("set") or {}).items()}
        columns = sa.inspect(one).mapper.local_table.c
        if "label" in columns and "label" not in values:
            values["label"] = step["as"]
        for column, value in values.items():
            setattr(one, column, value)
        self.names[step["as"]] = one

    def add(self, step: Json) -> None:
        self.session.add(self.object(step["ref"]))

    def set(self, step: Json) -> None:
        one = self.object(step["ref"])
        if step["column"] not in sa.inspect(one).mapper.columns:
            raise Senseless(step["column"])
        setattr(one, step["column"], self.value(step["value"]))

    def delete(self, step: Json) -> None:
        self.session.delete(self.object(step["ref"]))

    def expunge(self, step: Json) -> None:
        self.session.expunge(self.object(step["ref"]))

    def refresh(self, step: Json) -> None:
        self.session.refresh(self.object(step["ref"]))

    def expire(self, step: Json) -> None:
        self.session.expire(self.object(step["ref"]))

    def expunge_all(self, _: Json) -> None:
        self.session.expunge_all()

    def merge(self, step: Json) -> None:
        graph = self._graph(step["value"])
        self.names[step["as"]] = self.session.merge(graph)

    def _graph(self, value: Json) -> Any:
        one = self.mapping.classes[value["entity"]]()
        mapper = sa.inspect(one).mapper
        for column, given in (value.get("set") or {}).items():
            if column not in mapper.columns:
                raise Senseless(column)
            setattr(one, column, self.value(given))
        for name, below in (value.get("rels") or {}).items():
            if name not in mapper.relationships:
                raise Senseless(name)
            if isinstance(below, list):
                setattr(one, name, [self._graph(member) for member in below])
            else:
                setattr(one, name, None if below is None else self._graph(below))
        return one

    def get(self, step: Json) -> Json:
        key = self.value(step["key"])
        key = tuple(self.value(part) for part in key) if isinstance(key, list) else key
        parts = key if isinstance(key, tuple) else (key,)
        if any(part is None for part in parts):
            raise Senseless("a key with a part that is not known")
        found = self.session.get(self.mapping.classes[step["entity"]], key)
        if step.get("as"):
            self.names[step["as"]] = found
        return {"found": found is not None}

    # --- Relationships -------------------------------------------------------------------------

    def owner(self, step: Json) -> Any:
        one = self.object(step["owner"])
        if step["rel"] not in sa.inspect(one).mapper.relationships:
            raise Senseless(step["rel"])
        return one

    def append(self, step: Json) -> None:
        value = self.object(step["value"])
        getattr(self.owner(step), step["rel"]).append(value)

    def remove(self, step: Json) -> None:
        value = self.object(step["value"])
        members = getattr(self.owner(step), step["rel"])
        if not any(member is value for member in members):
            raise Senseless("removing what is not there")
        members.remove(value)

    def set_rel(self, step: Json) -> None:
        value = step["value"]
        if isinstance(value, list):
            given: Any = [self.object(name) for name in value]
        else:
            given = None if value is None else self.object(value)
        setattr(self.owner(step), step["rel"], given)

    def clear_rel(self, step: Json) -> None:
        setattr(self.owner(step), step["rel"], [])

    # --- The session ---------------------------------------------------------------------------

    def flush(self, _: Json) -> None:
        self.session.flush()

    def commit(self, _: Json) -> None:
        self.session.commit()
        self.nested.clear()

    def rollback(self, _: Json) -> None:
        self.session.rollback()
        self.nested.clear()

    def begin_nested(self, _: Json) -> None:
        self.nested.append(self.session.begin_nested())

    def release(self, _: Json) -> None:
        if self.nested:
            self.nested.pop().commit()

    def rollback_to(self, _: Json) -> None:
        if self.nested:
            self.nested.pop().rollback()

    def sql(self, step: Json) -> None:
        self.session.execute(sa.text(step["sql"]))

    # --- Answers -------------------------------------------------------------------------------

    def tables(self, _: Json) -> Json:
        with self.session.no_autoflush:
            rows = {name: self._rows(table) for name, table in self.mapping.tables.items()}
        return {"tables": rows}

    def _rows(self, table: sa.Table) -> list[Json]:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        found = self.session.execute(sa.text(f'SELECT {columns} FROM "{table.name}"'))
        flags = {one.name for one in table.columns if isinstance(one.type, sa.Boolean)}
        return [
            {
                name: bool(value) if name in flags and value is not None else value
                for name, value in row.items()
            }
            for row in found.mappings()
        ]

    def states(self, _: Json) -> Json:
        return {"states": {name: self._state(one) for name, one in self.names.items()}}

    @staticmethod
    def _state(one: Any) -> str | None:
        if one is None:
            return None
        state = sa.inspect(one)
        words = ("transient", "pending", "persistent", "deleted", "detached")
        return next(word for word in words if getattr(state, word))

    def view(self, step: Json) -> Json:
        found = getattr(self.owner(step), step["rel"])
        if isinstance(found, list):
            return {"view": sorted(self.name_of(one) for one in found)}
        return {"view": None if found is None else self.name_of(found)}

    def read(self, step: Json) -> Json:
        return {"value": getattr(self.object(step["ref"]), step["column"])}

    def dirty(self, _: Json) -> Json:
        found = [
            name
            for name, one in self.names.items()
            if one is not None and sa.inspect(one).persistent and self.session.is_modified(one)
        ]
        return {"dirty": sorted(found)}

    def same(self, step: Json) -> Json:
        return {"same": self.object(step["a"]) is self.object(step["b"])}

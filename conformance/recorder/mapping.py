"""Maps the tables and entities of a scenario with SQLAlchemy."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

Json = dict[str, Any]

TYPES = {"integer": sa.Integer, "text": sa.Text, "boolean": sa.Boolean, "float": sa.Float}
ACTIONS = {
    None: None,
    "cascade": "CASCADE",
    "set_null": "SET NULL",
    "restrict": "RESTRICT",
    "set_default": "SET DEFAULT",
    "no_action": "NO ACTION",
}


class Mapping:
    """The tables of a scenario, and a class for each of its entities."""

    def __init__(self, scenario: Json) -> None:
        self.registry = orm.registry()
        self.tables = {table["name"]: self._table(table) for table in scenario["tables"]}
        entities = scenario["entities"]
        self.table_names = {entity["name"]: entity["table"] for entity in entities}
        self.classes = {name: type(name, (), {}) for name in self.table_names}
        for entity in entities:
            self._map(entity)
        # Mistakes between two entities show only here.
        self.registry.configure()

    def dispose(self) -> None:
        """Lets go of the classes, so that thousands of scenarios do not add up."""
        self.registry.dispose()

    def _table(self, table: Json) -> sa.Table:
        parts: list[Any] = [self._column(column) for column in table["columns"]]
        for key in table.get("foreign_keys", []):
            target = key["references"]
            parts.append(
                sa.ForeignKeyConstraint(
                    key["columns"],
                    [f"{target['table']}.{column}" for column in target["columns"]],
                    ondelete=ACTIONS[key.get("on_delete")],
                    onupdate=ACTIONS[key.get("on_update")],
                )
            )
        parts.extend(sa.UniqueConstraint(*columns) for columns in table.get("uniques", []))
        return sa.Table(table["name"], self.registry.metadata, *parts)

    @staticmethod
    def _column(column: Json) -> sa.Column[Any]:
        is_key = bool(column.get("primary_key"))
        nullable = column.get("nullable")
        return sa.Column(
            column["name"],
            TYPES[column["type"]](),
            primary_key=is_key,
            autoincrement=bool(column.get("autoincrement")),
            nullable=not is_key if nullable is None else nullable,
            unique=bool(column.get("unique")) or None,
        )

    def _map(self, entity: Json) -> None:
        table = self.tables[entity["table"]]
        options: Json = {}
        if entity.get("version_column"):
            options["version_id_col"] = table.c[entity["version_column"]]
        properties = {one["name"]: self._relationship(entity, one) for one in entity.get("relationships", [])}
        self.registry.map_imperatively(
            self.classes[entity["name"]], table, properties=properties, **options
        )

    def _relationship(self, entity: Json, one: Json) -> Any:
        own = self.tables[entity["table"]]
        target = self.tables[self.table_names[one["target"]]]
        options: Json = {"uselist": one["kind"] in ("one_to_many", "many_to_many")}
        match one["kind"]:
            case "many_to_many":
                between = self.tables[one["secondary"]]
                options["secondary"] = between
                options["primaryjoin"] = self._join(between, one["local"], own)
                options["secondaryjoin"] = self._join(between, one["remote"], target)
            case "many_to_one":
                options["primaryjoin"] = self._join(own, one["foreign_key"], target, "parent")
            case _:
                options["primaryjoin"] = self._join(target, one["foreign_key"], own, "child")
        for name in ("back_populates", "cascade", "passive_updates"):
            if one.get(name) is not None:
                options[name] = one[name]
        for name in ("passive_deletes", "single_parent", "post_update", "viewonly"):
            if one.get(name):
                options[name] = one[name]
        return orm.relationship(self.classes[one["target"]], **options)

    @staticmethod
    def _join(child: sa.Table, columns: list[str], parent: sa.Table, remote: str = "") -> Any:
        """The condition that ties columns of a child to those of its parent."""
        pairs = zip(columns, _referred(child, columns, parent), strict=True)
        conditions = []
        for column, referred in pairs:
            left: Any = orm.foreign(child.c[column])
            right: Any = parent.c[referred]
            if remote == "child":
                left = orm.remote(left)
            if remote == "parent":
                right = orm.remote(right)
            conditions.append(left == right)
        return sa.and_(*conditions)


def _referred(child: sa.Table, columns: list[str], parent: sa.Table) -> list[str]:
    """The columns that a foreign key of these columns points at."""
    for key in child.foreign_key_constraints:
        pairs = {element.parent.name: element.target_fullname.split(".") for element in key.elements}
        if set(pairs) == set(columns) and pairs[columns[0]][0] == parent.name:
            return [pairs[column][1] for column in columns]
    return [column.name for column in parent.primary_key.columns]

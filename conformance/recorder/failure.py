"""Sorts SQLAlchemy's exceptions into the kinds of errors that a recording has."""

from sqlalchemy import exc
from sqlalchemy.orm import exc as orm_exc

# What SQLite says of a constraint, and the kind that it is.
CONSTRAINTS = {
    "FOREIGN KEY constraint failed": "integrity.foreign_key",
    "UNIQUE constraint failed": "integrity.unique",
    "NOT NULL constraint failed": "integrity.not_null",
    "CHECK constraint failed": "integrity.check",
    "datatype mismatch": "integrity.not_null",
}


class Senseless(Exception):
    """A step that makes no sense where it stands: it is left out of the recording."""


def kind_of(error: Exception) -> str:
    """The kind of an error; errors that no session should give are raised again."""
    match error:
        case exc.IntegrityError():
            text = str(error.orig)
            for sign, kind in CONSTRAINTS.items():
                if sign in text:
                    return kind
            raise error
        case orm_exc.StaleDataError():
            return "stale_data"
        case exc.CircularDependencyError():
            return "cycle"
        case AssertionError() if "blank-out primary key" in str(error):
            return "key_blanked"
        case orm_exc.FlushError():
            return "flush"
        case exc.InvalidRequestError() | orm_exc.DetachedInstanceError():
            return "invalid_request"
        case _:
            raise error

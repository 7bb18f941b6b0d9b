"""The nouns of jobs over many files: what is to be done, how far it is, what was left alone."""

from enum import StrEnum

import msgspec

from consigne.model.query import Scope, Term


class Action(StrEnum):
    DELETE = "delete"
    MOVE = "move"
    TAG = "tag"
    EXPORT = "export"


class Form(StrEnum):
    """What an export makes: the files themselves, or a list of them."""

    ZIP = "zip"
    CSV = "csv"


class Order(msgspec.Struct, frozen=True):
    """What is to be done with all files of a scope that match.

    ``folder_id``: where they move, None the top; ``add`` and ``remove``: tags; ``form`` and
    ``name``: of the file that an export makes.
    """

    action: Action
    scope: Scope
    terms: tuple[Term, ...] = ()
    folder_id: int | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    form: Form = Form.ZIP
    name: str = ""


class BulkRun(msgspec.Struct, frozen=True):
    """Row of ``bulk_run``: how far a job is.

    It goes on behind the file ``last_id``; ``count`` files and ``size`` bytes are done, ``failed``
    were left alone.
    """

    job_id: int
    last_id: int
    count: int
    size: int
    failed: int


class BulkRefusal(msgspec.Struct, frozen=True):
    """Row of ``bulk_refusal``: a file that a job left alone, with the code of the error and why."""

    job_id: int
    file_id: int
    name: str
    code: str
    detail: str

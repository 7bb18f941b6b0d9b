"""How commands end: statuses that scripts can use, and refusals that people can read."""

from enum import IntEnum

from consigne import errors
from consigne.errors import ConsigneError


class Exit(IntEnum):
    """The status of a command; ``fsck`` and ``doctor`` use fewer of them (see their help)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3
    DENIED = 4
    UNAVAILABLE = 5
    CORRUPT = 6
    INTERRUPTED = 130


HELP = (
    "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 not allowed, "
    "5 unavailable (try again), 6 corrupt bytes or a wrong checksum, 130 interrupted."
)

_FAMILIES: tuple[tuple[type[ConsigneError], Exit], ...] = (
    (errors.Unauthenticated, Exit.DENIED),
    (errors.Forbidden, Exit.DENIED),
    (errors.NotFound, Exit.MISSING),
    (errors.Gone, Exit.MISSING),
    (errors.Corrupt, Exit.CORRUPT),
    (errors.DigestMismatch, Exit.CORRUPT),
    (errors.Throttled, Exit.UNAVAILABLE),
    (errors.Busy, Exit.UNAVAILABLE),
    (errors.Unavailable, Exit.UNAVAILABLE),
    (errors.TimedOut, Exit.UNAVAILABLE),
)
_CODES = {cls.code: cls for cls in errors.leaves()}
_STATUSES = {
    401: Exit.DENIED,
    403: Exit.DENIED,
    404: Exit.MISSING,
    408: Exit.UNAVAILABLE,
    410: Exit.MISSING,
    429: Exit.UNAVAILABLE,
    502: Exit.UNAVAILABLE,
    503: Exit.UNAVAILABLE,
    504: Exit.UNAVAILABLE,
}
_ADVICE = {
    Exit.DENIED: "Give a valid key with --key or CONSIGNE_KEY; 'consigne key create' makes one.",
    Exit.MISSING: "'consigne ls' and 'consigne find' show what there is.",
    Exit.UNAVAILABLE: "Try again later.",
    Exit.CORRUPT: "Run 'consigne fsck --rehash' on the server, and send the file again.",
}


class Failure(Exception):
    """What a command could not do: ``message`` says what, ``rule`` is the code of the rule that
    refused, ``hint`` what to do about it."""

    def __init__(
        self, message: str, *, rule: str = "", hint: str = "", exit: Exit = Exit.FAILED
    ) -> None:
        super().__init__(message)
        self.message = message
        self.rule = rule
        self.hint = hint or _ADVICE.get(exit, "")
        self.exit = exit


class Stopped(Exception):
    """The person at the keyboard wants to stop; ``hint`` says how to go on later."""

    def __init__(self, hint: str = "") -> None:
        super().__init__("Interrupted.")
        self.hint = hint


def exit_of(error: type[ConsigneError]) -> Exit:
    """Return the status that tells of a refusal of this class."""
    return next((status for family, status in _FAMILIES if issubclass(error, family)), Exit.FAILED)


def failure_of(error: ConsigneError) -> Failure:
    """Return a refusal of the core as commands show it."""
    return Failure(error.message, rule=error.code, hint=error.hint, exit=exit_of(type(error)))


def not_run(error: Exception, what: str, hint: str) -> Failure:
    """Return why a long command did not come to its end, as a failure with the status 2.

    ``what`` begins the sentence, such as "The check could not run"; ``hint`` is for errors that
    bring none of their own.
    """
    if isinstance(error, Failure):
        return Failure(error.message, rule=error.rule, hint=error.hint, exit=Exit.USAGE)
    known = failure_of(error) if isinstance(error, ConsigneError) else Failure(str(error))
    return Failure(
        f"{what}: {known.message}", rule=known.rule, hint=known.hint or hint, exit=Exit.USAGE
    )


def exit_of_answer(status: int, code: str) -> Exit:
    """Return the status that tells of a server's answer: by its code, else by its HTTP status."""
    known = _CODES.get(code)
    return exit_of(known) if known else _STATUSES.get(status, Exit.FAILED)

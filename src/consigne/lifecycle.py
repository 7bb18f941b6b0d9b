"""The two machines of the vault, one table each (C-14). Every change of a state goes through here.

A file and an upload session are different things: a session may exist beside a kept file (a new
version on its way, an open-ended append, a signed PUT). Each row of a table is one allowed step:
``(from, verb) -> to``. A pair that the table lacks is refused as ``WrongState``.

What a state means for the quota: ``held`` and ``kept`` files are charged their size; sessions are
charged what they have reserved; everything else costs nothing (C-24).
"""

from consigne.errors import WrongState
from consigne.model.entities import State, UploadState

FILE: dict[tuple[State, str], State] = {
    # A row without bytes: Arrhes create, an upload in parts.
    (State.EXPECTED, "hold"): State.HELD,
    (State.EXPECTED, "keep"): State.KEPT,
    (State.EXPECTED, "release"): State.PURGED,
    (State.EXPECTED, "expire"): State.PURGED,
    # Complete, temporary, claimed by nobody.
    (State.HELD, "keep"): State.KEPT,
    (State.HELD, "replace"): State.HELD,
    (State.HELD, "release"): State.RELEASED,
    (State.HELD, "expire"): State.RELEASED,
    # In the vault. Guards may refuse replace, release and empty (C-12).
    (State.KEPT, "keep"): State.KEPT,
    (State.KEPT, "replace"): State.KEPT,
    (State.KEPT, "release"): State.RELEASED,
    (State.KEPT, "empty"): State.EXPECTED,
    # In the trash: uncharged; restoring charges again.
    (State.RELEASED, "restore"): State.KEPT,
    (State.RELEASED, "purge"): State.PURGED,
}

UPLOAD: dict[tuple[UploadState, str], UploadState] = {
    (UploadState.OPEN, "receive"): UploadState.RECEIVING,
    (UploadState.OPEN, "verify"): UploadState.VERIFYING,
    (UploadState.OPEN, "abort"): UploadState.ABORTED,
    (UploadState.OPEN, "expire"): UploadState.EXPIRED,
    (UploadState.RECEIVING, "receive"): UploadState.RECEIVING,
    (UploadState.RECEIVING, "verify"): UploadState.VERIFYING,
    (UploadState.RECEIVING, "abort"): UploadState.ABORTED,
    (UploadState.RECEIVING, "expire"): UploadState.EXPIRED,
    # All bytes are there; they are being hashed and moved into the vault. A crash here leaves the
    # parts in place, so that verifying can start again.
    (UploadState.VERIFYING, "verify"): UploadState.VERIFYING,
    (UploadState.VERIFYING, "refuse"): UploadState.RECEIVING,
    (UploadState.VERIFYING, "finish"): UploadState.DONE,
    (UploadState.VERIFYING, "abort"): UploadState.ABORTED,
    (UploadState.VERIFYING, "expire"): UploadState.EXPIRED,
}


def file_after(state: State, verb: str) -> State:
    """Return the state that a verb leads a file to; raise WrongState where the table has no row."""
    try:
        return FILE[state, verb]
    except KeyError:
        raise _refused("file", state, verb) from None


def upload_after(state: UploadState, verb: str) -> UploadState:
    """Return the state that a verb leads an upload to; raise WrongState where there is no row."""
    try:
        return UPLOAD[state, verb]
    except KeyError:
        raise _refused("upload", state, verb) from None


def sources(verb: str) -> list[State]:
    """Return the states of a file in which a verb is allowed, for set statements."""
    return [state for state, name in FILE if name == verb]


def _refused(thing: str, state: State | UploadState, verb: str) -> WrongState:
    return WrongState(f"A {thing} that is {state} cannot {verb}.", state=str(state), verb=verb)

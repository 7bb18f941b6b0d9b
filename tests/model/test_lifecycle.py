"""The two state tables: what they allow, and that every state has a way out (C-14)."""

import pytest

from consigne.errors import WrongState
from consigne.lifecycle import FILE, UPLOAD, file_after, sources, upload_after
from consigne.model.entities import State, UploadState

FILE_VERBS = {verb for _, verb in FILE}
UPLOAD_VERBS = {verb for _, verb in UPLOAD}
UPLOAD_ENDS = {UploadState.DONE, UploadState.EXPIRED, UploadState.ABORTED}


@pytest.mark.parametrize("verb", sorted(FILE_VERBS))
@pytest.mark.parametrize("state", State)
def test_files_move_by_the_table_only(state: State, verb: str) -> None:
    """A pair that the table lacks is refused, naming both."""
    if (state, verb) in FILE:
        assert file_after(state, verb) is FILE[state, verb]
        assert state in sources(verb)
        return
    with pytest.raises(WrongState) as caught:
        file_after(state, verb)
    assert caught.value.details == {"state": state.value, "verb": verb}
    assert state not in sources(verb)


@pytest.mark.parametrize("verb", sorted(UPLOAD_VERBS))
@pytest.mark.parametrize("state", UploadState)
def test_uploads_move_by_the_table_only(state: UploadState, verb: str) -> None:
    """The same for sessions."""
    if (state, verb) in UPLOAD:
        assert upload_after(state, verb) is UPLOAD[state, verb]
        return
    with pytest.raises(WrongState):
        upload_after(state, verb)


def test_every_state_has_a_way_out() -> None:
    """Only what is over stays as it is, and nothing comes back from the end."""
    assert {state for state, _ in FILE} == set(State) - {State.PURGED}
    assert {state for state, _ in UPLOAD} == set(UploadState) - UPLOAD_ENDS
    assert set(FILE.values()) == set(State)
    assert set(UPLOAD.values()) == set(UploadState) - {UploadState.OPEN}


def test_expiry_has_a_target_in_each_temporary_state() -> None:
    """What can be forgotten by its maker ends by itself (C-14)."""
    for state in (State.EXPECTED, State.HELD):
        assert (state, "expire") in FILE
    for session in set(UploadState) - UPLOAD_ENDS:
        assert (session, "expire") in UPLOAD


def test_only_a_file_that_is_temporary_can_be_claimed() -> None:
    """Keeping leads to kept from wherever it is allowed; restoring too."""
    assert {FILE[pair] for pair in FILE if pair[1] in ("keep", "restore")} == {State.KEPT}
    assert State.RELEASED not in sources("keep")

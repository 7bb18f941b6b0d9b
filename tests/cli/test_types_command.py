"""``consigne type``: families from TOML and JSON, and back (DY-60)."""

import json
import secrets
from pathlib import Path

import httpx
import pytest
from cli_command import Command

FAMILIES = """
[[family]]
name = "CONTRACT"
label = "Contrat « été »"
dialect = "dynacase"
acl = { edit = ["group:legal"] }
hooks = ["stamp"]
attributes = [
    { id = "tab", type = "tab" },
    { id = "ct_scan", type = "file", parent = "tab", needed = true,\
 accept = ["application/pdf", ".p7m"], max_size = "20MB" },
    { id = "ct_kind", type = "text", options = ["elink=…", "eformat"], visibility = "H" },
]

[[type]]
name = "Visit"
fields = [{ id = "done", type = "list", options = ["yes", { id = "no", name = "No \\"way\\"" }] }]
"""


@pytest.fixture
def space(consigne: Command) -> str:
    short = f"s-{secrets.token_hex(6)}"
    consigne("space", "create", short, "--data", consigne.server.data)
    return short


def test_types_go_in_and_come_out_again(consigne: Command, space: str, tmp_path: Path) -> None:
    """What is exported is what was applied, in both spellings; applied again it changes nothing."""
    here = ("--space", space, "--data", consigne.server.data)
    file = tmp_path / "families.toml"
    file.write_text(FAMILIES, encoding="utf-8")
    done = consigne("type", "apply", str(file), *here)
    assert done.out.splitlines() == ["created\tCONTRACT\tversion 1", "created\tVisit\tversion 1"]
    listed = consigne("type", "ls", *here, "--json").jsons
    assert [each["name"] for each in listed] == ["CONTRACT", "Visit"]
    contract = listed[0]
    assert contract["acl"] == {"edit": ["group:legal"]}
    assert contract["attributes"][1] == {
        "id": "ct_scan", "type": "file", "parent": "tab", "needed": True,
        "accept": ["application/pdf", ".p7m"], "max_size": 20_000_000,
    }  # fmt: skip
    assert contract["attributes"][2]["options"] == ["elink=…", "eformat"]
    for spelling in ((), ("--json",)):
        shown = consigne("type", "export", *here, *spelling)
        again = tmp_path / "again"
        again.write_text(shown.out, encoding="utf-8")
        outcomes = [each["outcome"] for each in consigne(
            "type", "apply", str(again), *here, "--json").jsons]  # fmt: skip
        assert outcomes == ["unchanged", "unchanged"], shown.out
    one = json.loads(consigne("type", "export", "visit", *here, "--json").out)
    assert [each["name"] for each in one["family"]] == ["Visit"]


def test_a_running_server_has_the_types(consigne: Command, space: str, tmp_path: Path) -> None:
    """They are there for the API at once."""
    data = ("--data", consigne.server.data)
    file = tmp_path / "families.toml"
    file.write_text(FAMILIES, encoding="utf-8")
    consigne("type", "apply", str(file), "--space", space, *data)
    email = f"{space}@example.org"
    consigne("user", "create", email, "--space", space, "--role", "reader", *data)
    key = consigne("key", "create", "--user", email, "--space", space, *data).out.strip()
    got = httpx.get(
        f"{consigne.server.url}/consigne/v1/types/contract",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert got.json()["label"] == "Contrat « été »"


BAD = {
    "neither": "name = ",
    "no table": 'name = "A"',
    "unknown key": '[[family]]\nname = "A"\ncolour = "red"',
    "unknown kind": '[[family]]\nname = "A"\nattributes = [{ id = "a", type = "colour" }]',
    "bad id": '[[family]]\nname = "A"\nattributes = [{ id = "A b", type = "int" }]',
    "twice": '[[family]]\nname = "A"\n[[type]]\nname = "a"',
    "bad size": '[[family]]\nname = "A"\n'
    'attributes = [{ id = "a", type = "file", max_size = "big" }]',
    "half JSON": '{"family": [{"name": "A"}',
    "JSON list": "[]",
}


def test_a_wrong_file_changes_nothing(consigne: Command, space: str, tmp_path: Path) -> None:
    """Each is refused with its reason, status 1; a file that is not there is status 3."""
    here = ("--space", space, "--data", consigne.server.data)
    for name, text in BAD.items():
        file = tmp_path / "bad.toml"
        file.write_text('[[family]]\nname = "GOOD"\n' * text.startswith("[[") + text)
        refused = consigne("type", "apply", str(file), *here, exit=1)
        assert refused.err.startswith("consigne: "), name
    consigne("type", "apply", str(tmp_path / "none.toml"), *here, exit=3)
    consigne("type", "export", "NOTHING", *here, exit=3)
    consigne("type", "ls", "--space", "no-such", "--data", consigne.server.data, exit=3)
    assert consigne("type", "ls", *here).out == ""

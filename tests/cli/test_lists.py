"""``ls``, ``find`` and ``rm``."""

from collections.abc import Callable
from typing import Any

from cli_command import Command

Api = Callable[..., Any]


def fill(api: Api, folder: str) -> dict[str, str]:
    """Put some files into a folder; return name → id."""
    place = api("PUT", "/folders", params={"path": f"{folder}/inner"})
    ids = {}
    for number, name in enumerate(["a.txt", "b.txt", "invoice.pdf"]):
        params = {"name": name, "folder": folder, "tag": folder}
        ids[name] = api("POST", "/files", params=params, content=b"x" * (number + 1) * 1000)["id"]
    params = {"name": "deep.txt", "folder": place["id"], "tag": folder}
    ids["deep.txt"] = api("POST", "/files", params=params, content=b"deep")["id"]
    return ids


def names(api: Api, folder: str) -> set[str]:
    found = api("GET", "/files", params={"filter": f"tag={folder}"})
    return {each["name"] for each in found["files"]}


def test_ls(consigne: Command, folder: str, api: Api) -> None:
    """Folders come first, then files; by path or by id."""
    ids = fill(api, folder)
    lines = consigne("ls", folder).lines
    assert [line[3] for line in lines] == ["inner/", "a.txt", "b.txt", "invoice.pdf"]
    assert lines[1][:2] == [ids["a.txt"], "1000 B"]
    inner = consigne("ls", lines[0][0]).lines
    assert [line[0] for line in inner] == [ids["deep.txt"]]
    documents = consigne("ls", f"{folder}/", "--json", "--sort", "-name").jsons
    assert [each["name"] for each in documents] == ["inner", "invoice.pdf", "b.txt", "a.txt"]
    limited = consigne("ls", folder, "--limit", "1")
    assert len(limited.lines) == 2
    assert "--all" in limited.err


def test_find(consigne: Command, folder: str, api: Api) -> None:
    """Filters of the native API, words inside names, sizes with units, exact counts."""
    fill(api, folder)
    mine = f"tag={folder}"
    assert consigne("find", mine, "--count").out == "4\n"
    assert consigne("find", mine, "--count", "--json").json == {"count": 4}
    assert [line[3] for line in consigne("find", mine, "NVOIC", "--names").lines] == ["invoice.pdf"]
    assert consigne("find", mine, "size>=2KB", "size<3KB", "--count").out == "1\n"
    assert consigne("find", mine, "--folder", folder, "--count").out == "3\n"
    found = consigne("find", mine, "--sort", "-size", "--limit", "1", "--json").json
    assert (found["name"], found["size"]) == ("invoice.pdf", 3000)


def test_rm_asks_first(consigne: Command, folder: str, api: Api) -> None:
    """Without a terminal and without --yes nothing is deleted: status 2, and the number is said."""
    fill(api, folder)
    refused = consigne("rm", f"{folder}/a.txt", exit=2)
    assert "1 file" in refused.err
    assert "--yes" in refused.err
    assert "a.txt" in names(api, folder)
    consigne("rm", f"{folder}/a.txt", "--yes")
    assert "a.txt" not in names(api, folder)
    trash = consigne("ls", folder, "--state", "released", "--json").jsons
    assert [each["name"] for each in trash if "size" in each] == ["a.txt"]


def test_rm_by_filter(consigne: Command, folder: str, api: Api) -> None:
    """A filter deletes what its dry run has counted; what is protected stays and is told of."""
    ids = fill(api, folder)
    api("PUT", f"/files/{ids['b.txt']}/hold", json={"reason": "lawsuit"})
    asked = ("rm", "--filter", f"tag={folder}", "--filter", ".txt", "--json")
    assert consigne(*asked, "--dry-run").json == {
        "files": 2, "folders": 0, "skipped": 1, "dry_run": True,
    }  # fmt: skip
    assert len(names(api, folder)) == 4
    done = consigne(*asked, "--yes", exit=1)
    assert (done.json["files"], done.json["skipped"]) == (2, 1)
    assert names(api, folder) == {"b.txt", "invoice.pdf"}


def test_rm_of_folders(consigne: Command, folder: str, api: Api) -> None:
    """A folder goes with all that is in it; with a protected file in it, it stays."""
    ids = fill(api, folder)
    consigne("rm", folder, "--yes", exit=2)
    api("PUT", f"/files/{ids['deep.txt']}/hold", json={"reason": "lawsuit"})
    assert consigne("rm", "-r", folder, "--yes", "--json", exit=1).json["folders"] == 0
    assert names(api, folder) == {"deep.txt"}
    assert [line[3] for line in consigne("ls", f"{folder}/inner").lines] == ["deep.txt"]
    api("DELETE", f"/files/{ids['deep.txt']}/hold")
    assert consigne("rm", "-r", folder, "--yes", "--json").json["folders"] == 2
    assert names(api, folder) == set()
    consigne("ls", folder, exit=3)


def test_purge(consigne: Command, folder: str, api: Api) -> None:
    """--purge leaves nothing in the trash."""
    ids = fill(api, folder)
    consigne("rm", ids["a.txt"], "--purge", "--yes")
    trash = consigne("ls", folder, "--state", "released", "--json").jsons
    assert [each for each in trash if "size" in each] == []

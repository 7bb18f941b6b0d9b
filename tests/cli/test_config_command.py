"""`consigne config`: every wrong setting is named, every value has its source, no secret shown."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from consigne.cli import main, reference
from consigne.settings import Problem, Secret, SettingsError, load

SECRET = "a-secret-that-must-never-be-printed-anywhere"


def run(*args: str, folder: Path, **env: str) -> tuple[int, str, str]:
    """Run the command in this process, which is quick, with a folder and variables of its own."""
    inherited = {name: None for name in os.environ if name.startswith("CONSIGNE_")}
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, ["config", *args], env=inherited | env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def shown(folder: Path, *args: str, **env: str) -> dict[str, Any]:
    status, out, err = run("show", "--json", *args, folder=folder, **env)
    assert status == 0, err
    return {row["name"]: row for row in json.loads(out)}


def test_each_value_has_its_source(tmp_path: Path) -> None:
    """Option before environment before file before default, and no secret in any form."""
    (tmp_path / "c.toml").write_text(
        f'port = 9000\nmaster_key = "{"ab" * 32}"\n[upload]\nmax_size = "5GiB"\nexpiry = 60\n'
    )
    env = {
        "CONSIGNE_CONFIG": "c.toml",
        "CONSIGNE_UPLOAD_EXPIRY": "90",
        "CONSIGNE_METRICS_TOKEN": SECRET,
        "CONSIGNE_BOOTSTRAP_USER": f"ann@example.org:{SECRET}",
        "CONSIGNE_CATALOG": f"postgresql://ann:{SECRET}@db/consigne",
        "CONSIGNE_WORKER": "false",
    }
    rows = shown(tmp_path, "--data", "elsewhere", **env)
    assert set(rows) == {each.name for each in reference.settings()}

    def seen(name: str) -> tuple[str, str]:
        return rows[name]["value"], rows[name]["source"]

    assert seen("data") == ("elsewhere", "option")
    assert seen("port") == ("9000", "c.toml")
    assert seen("upload_max_size") == ("5GiB", "c.toml")
    assert seen("upload_expiry") == ("90", "CONSIGNE_UPLOAD_EXPIRY")
    assert seen("host") == ("127.0.0.1", "default")
    assert seen("worker") == ("false", "CONSIGNE_WORKER")
    assert seen("metrics_token") == ("…", "CONSIGNE_METRICS_TOKEN")
    assert seen("bootstrap_user") == ("…", "CONSIGNE_BOOTSTRAP_USER")
    assert seen("master_key") == ("…", "c.toml")
    assert seen("bootstrap_key") == ("", "default")
    assert seen("catalog") == ("postgresql://ann:…@db/consigne", "CONSIGNE_CATALOG")

    status, out, err = run("show", "--changed", folder=tmp_path, **env)
    assert status == 0, err
    assert SECRET not in out + err
    assert "ab" * 32 not in out
    assert [line.split("\t")[0] for line in out.splitlines()] == [
        "port", "catalog", "master_key", "metrics_token", "bootstrap_user", "upload_max_size",
        "upload_expiry", "worker",
    ]  # fmt: skip
    assert set(shown(tmp_path, "CONSIGNE_PORT", "quota")) == {"port", "quota"}
    assert run("show", "nothing", folder=tmp_path)[0] == 2


def test_secrets_are_marked() -> None:
    """Whoever adds a setting with such a name must say whether it is one."""
    plain = {"token_life", "s3_access_key"}
    for each in reference.settings():
        if {"key", "secret", "password", "token", "bootstrap"} & set(each.name.split("_")):
            assert each.kind == "secret" or each.name in plain, each.name
    assert reference._KINDS["s3_secret_key"] == Secret


def test_check_names_everything_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("prot = 9000\n[upload]\nmax_sise = 1\nexpiry = 'soon'\n")
    env = {
        "CONSIGNE_CONFIG": "c.toml",
        "CONSIGNE_QUOTE": "5GiB",
        "CONSIGNE_QUOTA": "5 bananas",
        "CONSIGNE_WORKERS": "0",
        "CONSIGNE_LOG_LEVEL": "loud",
        "CONSIGNE_TRUSTED_PROXIES": "127.0.0.1,proxy",
        "CONSIGNE_PUBLIC_URL": "files.example.org",
        "CONSIGNE_DYNACASE_TIMEZONE": "Mars/Olympus",
        "CONSIGNE_MASTER_KEY": "12",
        "CONSIGNE_BOOTSTRAP_USER": "ann",
        "CONSIGNE_CATALOG": "mysql://x",
        "CONSIGNE_BLOBS": "gs://bucket",
        "CONSIGNE_XYZZY": "1",
    }
    status, out, err = run("check", "--json", folder=tmp_path, **env)
    assert status == 2, err
    told = json.loads(out)
    assert (told["well"], told["checks"]) == (False, [])
    problems = {each["name"]: each for each in told["problems"]}
    assert set(problems) == {
        "prot", "upload_max_sise", "upload_expiry", "quote", "quota", "workers", "log_level",
        "trusted_proxies", "public_url", "dynacase_timezone", "master_key", "bootstrap_user",
        "catalog", "blobs", "xyzzy",
    }  # fmt: skip
    assert problems["prot"]["hint"] == "Did you mean port?"
    assert problems["prot"]["source"] == "c.toml"
    assert problems["upload_max_sise"]["hint"] == "Did you mean upload_max_size?"
    assert problems["quote"]["hint"] == "Did you mean quota?"
    assert problems["quote"]["source"] == "CONSIGNE_QUOTE"
    assert problems["xyzzy"]["hint"] == ""
    assert "bananas" in problems["quota"]["message"]
    # A command that needs the settings refuses in the same words.
    status, out, err = run("show", folder=tmp_path, **env)
    assert (status, out) == (2, "")
    assert "Did you mean port?" in err


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", None])
def test_a_bad_file_is_told_of(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "c.toml").write_bytes(content)
    status, out, _ = run("check", "--json", folder=tmp_path, CONSIGNE_CONFIG="c.toml")
    (problem,) = json.loads(out)["problems"]
    assert (status, problem["name"]) == (2, "config")
    assert problem["message"].startswith("c.toml: ")


def checks(folder: Path, **env: str) -> tuple[int, dict[str, str]]:
    status, out, err = run("check", "--json", folder=folder, **env)
    assert err == ""
    return status, {each["name"]: each["health"] for each in json.loads(out)["checks"]}


def test_check_tries_what_the_settings_point_to(tmp_path: Path) -> None:
    """A folder that cannot be made, a database and a store that do not answer: status 1."""
    well = {"data folder": "warning", "catalog": "warning", "store": "ok", "master key": "warning"}
    assert checks(tmp_path) == (0, well)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert checks(tmp_path, CONSIGNE_DATA="file/data") == (1, well | {"data folder": "failed"})
    nobody = "127.0.0.1:9"
    database = f"postgresql://ann@{nobody}/consigne"
    assert checks(tmp_path, CONSIGNE_CATALOG=database) == (1, well | {"catalog": "failed"})
    status, found = checks(
        tmp_path, CONSIGNE_BLOBS="s3://bucket/x", CONSIGNE_S3_ENDPOINT=f"http://{nobody}",
        CONSIGNE_S3_ACCESS_KEY="a", CONSIGNE_S3_SECRET_KEY="b", CONSIGNE_S3_RETRIES="0",
    )  # fmt: skip
    assert (status, found["store"]) == (1, "failed")


def test_an_option_is_a_source_and_nothing_given_is_no_problem() -> None:
    assert load({"port": 1, "host": None}, environ={}).port == 1
    with pytest.raises(SettingsError) as refused:
        load({"prt": 1}, environ={"CONSIGNE_WORKERS": "x"})
    assert refused.value.problems[0] == Problem(
        "prt", "there is no such setting", "option", "Did you mean port?"
    )
    assert [each.name for each in refused.value.problems] == ["prt", "workers"]

"""The group of all commands; each is imported when it is asked for."""

from importlib import import_module
from typing import Any

import click

from consigne import __version__
from consigne.cli.exits import HELP

# In the order of the help page: name, module and function.
COMMANDS = {
    "serve": ("consigne.cli.serve", "serve"),
    "worker": ("consigne.cli.worker", "worker"),
    "put": ("consigne.cli.put", "put"),
    "get": ("consigne.cli.get", "get"),
    "ls": ("consigne.cli.ls", "ls"),
    "find": ("consigne.cli.ls", "find"),
    "rm": ("consigne.cli.rm", "rm"),
    "space": ("consigne.cli.space", "space"),
    "user": ("consigne.cli.user", "user"),
    "key": ("consigne.cli.key", "key"),
    "type": ("consigne.cli.type", "record_type"),
    "webhook": ("consigne.cli.webhook", "webhook"),
    "fsck": ("consigne.cli.fsck", "fsck"),
    "backup": ("consigne.cli.backup", "backup"),
    "restore": ("consigne.cli.restore", "restore"),
    "catalog": ("consigne.cli.catalog", "catalog"),
    "audit": ("consigne.cli.audit", "audit"),
    "scrub": ("consigne.cli.scrub", "scrub"),
    "migrate": ("consigne.cli.migrate", "migrate"),
    "reindex": ("consigne.cli.reindex", "reindex"),
    "config": ("consigne.cli.config", "config"),
    "doctor": ("consigne.cli.doctor", "doctor"),
}


class Commands(click.Group):
    """A group that knows the names of its commands and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        command: Any = getattr(import_module(module), function)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=HELP)
@click.version_option(__version__, prog_name="consigne")
def main() -> None:
    """Keep the files of business applications: a self-hosted file service.

    Files go to and come from a server named by --url or CONSIGNE_URL, with the key of --key or
    CONSIGNE_KEY. Everything else works on the data folder of this machine.
    """

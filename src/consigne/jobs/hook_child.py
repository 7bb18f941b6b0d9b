"""The child process that runs plug-ins: loads them, then answers one call after the other.

What a plug-in prints goes to standard error. The process knows nothing of the server but what a
call tells it, has no handle of it, and ends with it.
"""

import hashlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, BinaryIO, NoReturn

import msgspec
import pluggy

from consigne import plugins
from consigne.jobs import confined
from consigne.jobs.hook_order import (
    HEAD,
    Call,
    Frame,
    PluginFacts,
    Question,
    Reply,
    Setup,
    TellingRecord,
)

_POINTS = ("pre_store", "pre_insert", "post_store")
_MOST_TEXT = 2000
_MOST_SUGGESTIONS = 50

_call = msgspec.json.Decoder(Call).decode
_encode = msgspec.json.Encoder().encode


class _Wire:
    """The two pipes."""

    def __init__(self) -> None:
        self._input = os.fdopen(os.dup(0), "rb", buffering=0)
        self._output = os.fdopen(os.dup(1), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)

    def say(self, reply: Reply) -> None:
        data = _encode(reply)
        frame = memoryview(HEAD.pack(len(data), Frame.JSON) + data)
        while frame:
            frame = frame[self._output.write(frame) :]

    def hear(self) -> tuple[Frame, bytes]:
        """Return the next frame; the process ends where the server has."""
        length, kind = HEAD.unpack(self._exactly(HEAD.size))
        return Frame(kind), self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < length:
            piece = self._input.read(length - len(pieces))
            if not piece:
                os._exit(0)
            pieces += piece
        return bytes(pieces)


class _Desk:
    """The plug-ins, and how they are asked."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._manager = pluggy.PluginManager("consigne")
        self._manager.add_hookspecs(plugins)
        self._functions: dict[str, plugins.Constraint] = {}

    def load(self) -> list[PluginFacts]:
        """Import all plug-ins and return what is known of each."""
        found = {each.name: each for each in entry_points(group=plugins.GROUP)}
        facts = []
        for name, entry in sorted(found.items()):
            try:
                self._manager.register(entry.load(), name=name)
                facts.append(self._facts(name))
            except BaseException as error:
                _complain(f"the plug-in {name!r} cannot be loaded")
                facts.append(PluginFacts(name, list(_POINTS), [], type(error).__name__))
        return facts

    def answer(self, call: Call) -> None:
        """Run what a call asks for."""
        context = self._context(call)
        if call.plugin:
            self._wire.say(self._run(call, context))
        for number, question in enumerate(call.questions):
            self._wire.say(self._judge(number, question, context))
        self._wire.say(Reply(done=True))

    def _facts(self, name: str) -> PluginFacts:
        plugin = self._manager.get_plugin(name)
        mine = {each.name for each in self._manager.get_hookcallers(plugin) or ()}
        functions: list[str] = []
        if "consigne_constraints" in mine:
            for made in self._of(name, "consigne_constraints"):
                for function, value in made.items():
                    if not callable(value):
                        raise TypeError(f"The constraint {function!r} is no function.")
                    if self._functions.setdefault(str(function), value) is value:
                        functions.append(str(function))
        points = [point for point in _POINTS if f"consigne_{point}" in mine]
        return PluginFacts(name, points, functions)

    def _of(self, name: str, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook of one plug-in only."""
        others = [each for other, each in self._manager.list_name_plugin() if other != name]
        return list(self._manager.subset_hook_caller(hook, others)(**arguments))

    def _run(self, call: Call, context: plugins.Context) -> Reply:
        try:
            said = self._of(call.plugin, f"consigne_{call.point}", ctx=context)
        except BaseException:
            _complain(f"the plug-in {call.plugin!r} failed at {call.point}")
            return Reply(raised=True)
        for each in said:
            if not isinstance(each, str):
                return Reply(rubbish=type(each).__name__)
        return Reply(text=_text(" ".join(said)))

    def _judge(self, number: int, question: Question, context: plugins.Context) -> Reply:
        field = plugins.Field(question.field, question.kind, question.label)
        value = question.value if question.file is None else context.files[question.file]
        try:
            function = self._functions[question.name]
            verdict = function(field, value, context.record, question.index)
        except BaseException:
            _complain(f"the constraint {question.name!r} failed")
            return Reply(question=number, raised=True)
        return _verdict(number, verdict)

    def _context(self, call: Call) -> plugins.Context:
        told = call.told
        files = tuple(
            plugins.File(
                each.id, each.field, each.index, each.name, each.declared_type,
                each.detected_type, each.size, each.sha256, each.md5,
                self._opener(number, each.sha256),
            )
            for number, each in enumerate(told.files)
        )  # fmt: skip
        who = told.principal
        return plugins.Context(
            point=call.point,
            action=told.action,
            space=told.space,
            principal=plugins.Principal(who.id, who.email, who.username, who.role),
            type=told.type,
            record=_record(told.record) if told.record is not None else None,
            changes=told.changes,
            files=files,
            redelivered=told.redelivered,
        )

    def _opener(self, number: int, sha256: str) -> Callable[[], BinaryIO]:
        def fetch() -> BinaryIO:
            self._wire.say(Reply(open=number))
            file = tempfile.TemporaryFile()  # noqa: SIM115
            digest = hashlib.sha256()
            while True:
                kind, data = self._wire.hear()
                if kind is Frame.FAILED:
                    file.close()
                    raise OSError(data.decode())
                if not data:
                    break
                digest.update(data)
                file.write(data)
            if digest.hexdigest() != sha256:
                file.close()
                raise OSError("The bytes do not have the digest that was told.")
            file.seek(0)
            return file

        return fetch


def _record(told: TellingRecord) -> plugins.Record:
    return plugins.Record(told.id, told.uuid, told.name, told.title, told.revision, told.values)


def _verdict(number: int, verdict: object) -> Reply:
    """Return what a constraint's answer means (DY-59)."""
    if verdict is None or verdict is True or verdict == "":
        return Reply(question=number)
    if verdict is False:
        return Reply(question=number, text="constraint error")
    if isinstance(verdict, str):
        return Reply(question=number, text=_text(verdict))
    if (
        isinstance(verdict, tuple)
        and len(verdict) == 2
        and isinstance(verdict[0], str)
        and isinstance(verdict[1], list | tuple)
        and all(isinstance(each, str) for each in verdict[1])
    ):
        suggests = [_text(each) for each in verdict[1][:_MOST_SUGGESTIONS]]
        text = _text(verdict[0]) or ("constraint error" if suggests else None)
        return Reply(question=number, text=text, suggests=[s for s in suggests if s])
    return Reply(question=number, rubbish=type(verdict).__name__)


def _text(said: str) -> str | None:
    """Return a text that JSON and people can take."""
    return said.encode("utf-8", "replace").decode()[:_MOST_TEXT].strip() or None


def _complain(what: str) -> None:
    print(f"consigne: {what}", file=sys.stderr)
    traceback.print_exc()
    sys.stderr.flush()


def main(setup: Setup) -> NoReturn:
    """Serve until the parent is gone."""
    wire = _Wire()
    confined.bound(setup.memory, orphan_of=setup.parent)
    sys.path.extend(setup.path)
    desk = _Desk(wire)
    wire.say(Reply(plugins=desk.load()))
    while True:
        _, data = wire.hear()
        desk.answer(_call(data))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Setup))

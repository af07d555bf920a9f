"""The process in which a policy is tried: it knows Rego and nothing of the gateway.

It is run as a file, isolated: no environment, no working folder, no module of the gateway. Its engine has no builtin
that reaches a network or a file. It limits itself before it reads the first byte of a policy: seconds of processor,
memory, no file to write. What it is asked and answers goes through two pipes, a line of JSON each:

``{"modules": {NAME: TEXT}, "entrypoints": [PATH, …]}`` → ``{"ok": true}`` or ``{"fault": NAME, "line": N}``, then
``[PATH, [QUESTION, …]]`` → ``[ANSWER, …]`` with ``null`` for a question without an answer, as often as asked.

Exit code 0: the pipe was closed. Anything else: the policy broke the engine, or a limit ended the process.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import threading
import time
from typing import Any

from regopy import Bundle, Interpreter, RegoError

_PLACE = re.compile(r"\|(\d+)\|\d+")
"""Where the engine says that an error is: characters from the start of the module, and how many."""


def main(cpu_seconds: int, memory_bytes: int) -> None:
    """Serve one policy until the pipe is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    # The engine prints what it does not like, with the source of it: nobody is to read that.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for kind, limit in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(kind, (limit, limit))
    _watch_memory(memory_bytes)
    asked = sys.stdin.buffer
    policy = json.loads(asked.readline())
    interpreter = Interpreter()
    interpreter.strict_built_in_errors = True
    bundle, fault = _built(interpreter, policy["modules"], policy["entrypoints"])
    _say(answers, {"ok": True} if bundle is not None else fault)
    while bundle is not None and (line := asked.readline()):
        path, questions = json.loads(line)
        _say(answers, [_answer(interpreter, bundle, path, each) for each in questions])


def _watch_memory(most: int) -> None:
    """End the process when it holds more than *most* bytes.

    The engine's allocator reserves hundreds of gigabytes of addresses at once, so that no limit of the system on
    addresses can be set; what is really held is read instead.
    """
    try:
        pages = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return  # no such file on this system: the limit of time remains

    def watch() -> None:
        size = os.sysconf("SC_PAGE_SIZE")
        while int(os.pread(pages, 256, 0).split()[1]) * size <= most:
            time.sleep(0.02)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _built(interpreter: Any, modules: dict[str, str], entrypoints: list[str]) -> tuple[Any, dict[str, Any]]:
    """Return the bundle, or where the first fault is: of the modules together when each by itself can be read."""
    name = ""
    try:
        for name, text in modules.items():
            interpreter.add_module(name, text)
        name = ""
        bundle: Bundle = interpreter.build(None, entrypoints)
        if bundle.ok():
            return bundle, {}
    except RegoError as error:
        place = _PLACE.search(str(error))
        before = modules.get(name, "")[: int(place.group(1))] if place else ""
        return None, {"fault": name, "line": before.count("\n") + 1 if place and name else 0}
    return None, {"fault": "", "line": 0}


def _answer(interpreter: Any, bundle: Any, entrypoint: str, question: object) -> object:
    text = json.dumps(question, ensure_ascii=False)
    try:
        # The fast way writes strings without escaping them: it takes what has nothing to escape.
        if "\\" in text:
            interpreter.set_input_term(text)
        else:
            interpreter.set_input(question)
        results = interpreter.query_bundle_entrypoint(bundle, entrypoint).results
    except Exception:  # noqa: BLE001 - whatever the engine throws, it is no answer
        return None
    if len(results) != 1 or len(results[0].expressions) != 1:
        return None
    return results[0].expressions[0]


def _say(answers: Any, value: object) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

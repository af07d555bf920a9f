"""The process in which texts are read: it has the recognisers, and no key, no database and no environment.

It is run as a file, isolated. What it is asked and answers goes through two pipes, frames of four bytes of length and
a JSON text; nothing is written anywhere else, and of an exception nothing is told but that there was one:

``{"path": […], "recognizers": […], …}`` → ``{"kinds": [KIND, …]}`` or ``{"fault": CLASS, "at": N}``, then
``[false, [TEXT, …]]`` → ``[[[START, END, KIND], …] or null, …]``, one frame for all texts, or
``[true, [TEXT, …]]`` → the same as a frame for each text, so that the text that ends the process can be told.

The process ends with the pipe, and where the system can do it (Linux) with the process that started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO


def main() -> None:
    """Read texts until the pipe is closed."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # A recogniser may print what it reads: nobody is to see that.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    told = json.loads(_read(asked) or "{}")
    if not told or not _end_with(told["parent"]):
        return
    sys.path[:] = told["path"]
    sys.dont_write_bytecode = True
    _limit_memory(told["memory"])
    import orjson  # noqa: PLC0415 - only now can it be found

    finder = _finder(told["recognizers"], answers)
    if finder is None:
        return
    _keep_from_files()
    _say(answers, orjson.dumps({"kinds": sorted(finder.kinds)}))
    while body := _read(asked):
        careful, texts = orjson.loads(body)
        if careful:
            for text in texts:
                _say(answers, orjson.dumps(_found(finder, text)))
        else:
            _say(answers, orjson.dumps(_found_in(finder, texts)))


def _finder(recognizers: list[str], answers: BinaryIO) -> Any:
    """Return what reads a text, loaded and warm; say why not and return ``None``."""
    at = -1
    try:
        from sekisho.adapters.presidio import Finder, load_recognizers  # noqa: PLC0415 - only now can it be found

        extra = []
        for target in recognizers:
            at += 1
            extra += load_recognizers(target)
        finder = Finder(extra)
        finder("氏名：山田太郎 〒150-0001 warm@example.com 090-0000-0000 My name is Jane Doe")
    except Exception as error:  # noqa: BLE001 - whatever it is: its class is told, its words are not
        _say(answers, json.dumps({"fault": type(error).__name__, "at": at}).encode())
        return None
    return finder


def _found(finder: Any, text: str) -> Any:
    """Return the stretches of *text*, ``None`` when anything failed."""
    try:
        return finder(text)
    except MemoryError:
        os._exit(3)  # what else lacks memory now is unknown
    except Exception:  # noqa: BLE001 - the exception may hold the text
        return None


def _found_in(finder: Any, texts: list[str]) -> list[Any]:
    """Return the stretches of each of *texts*, read together; each alone when anything failed."""
    try:
        return list(finder.find_in(texts))
    except MemoryError:
        os._exit(3)  # as above
    except Exception:  # noqa: BLE001 - the exception may hold the text
        return [_found(finder, text) for text in texts]


def _end_with(parent: int) -> bool:
    """Ask the system to end this process with the thread that started it; return whether that still lives."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - here alone

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    return os.getppid() == parent


def _limit_memory(most: int) -> None:
    """Let memory run out here before it runs out for everybody; no file of what memory held."""
    import resource  # noqa: PLC0415 - after the first frame, like all imports

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if most and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _keep_from_files() -> None:
    """Let no file grow from here on: texts stay in memory."""
    import resource  # noqa: PLC0415 - after the first frame, like all imports

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _read(asked: BinaryIO) -> bytes:
    """Return the next frame; nothing when the pipe is closed."""
    head = asked.read(4)
    return asked.read(int.from_bytes(head, "big")) if len(head) == 4 else b""


def _say(answers: BinaryIO, body: bytes) -> None:
    answers.write(len(body).to_bytes(4, "big") + body)
    answers.flush()


if __name__ == "__main__":
    main()

"""The policy decision point inside the process: Rego evaluated by rego-cpp (``regopy``).

Three properties of the engine shape this file; each was measured and each has a test.

* One interpreter shared by threads returns *other requests' decisions* without an error. So each thread
  of a small pool owns its interpreter and its bundle.
* ``set_input`` writes strings into JSON without escaping them: a quote in a name adds keys of its own.
  So it is used only for inputs whose JSON has no escape at all; others go through the JSON parser.
* It accepts some text that OPA refuses, and decides it otherwise. So ``opa check --strict`` guards the
  policies, and one suite holds both engines to the same answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import orjson
from regopy import Bundle, Interpreter, RegoError

from sekisho.domain.access import AccessRequest, Decision, decision_from_json
from sekisho.errors import PolicyUnavailable

_ENTRYPOINT = "sekisho/access/decision"
_NOT_LOADED = {"checks"}  # folders of policies about the policies


def shipped_policies() -> Path:
    """Return the folder of the policies that come with the program.

    In an installed package they lie beside the code, in a checkout at its top.

    Raises
    ------
    PolicyUnavailable
        When neither is there.
    """
    packaged = Path(str(resources.files("sekisho"))) / "policies"
    for folder in (packaged, packaged.parents[2] / "policies"):
        if (folder / "sekisho").is_dir():
            return folder
    raise PolicyUnavailable("The policies that come with the program are missing. Install it again.")


def policy_files(folder: Path) -> dict[str, bytes]:
    """Return the policy files below *folder* that take part in decisions: relative name to content.

    Tests (``*_test.rego``) and checks of the policies themselves are left out.

    Raises
    ------
    PolicyUnavailable
        When the folder cannot be read, or holds no policy.
    """
    try:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*.rego"))
            if not path.name.endswith("_test.rego") and not _NOT_LOADED.intersection(path.relative_to(folder).parts)
        }
    except OSError:
        raise PolicyUnavailable("The policy folder cannot be read.") from None
    if not files:
        raise PolicyUnavailable("The policy folder holds no policy, so nothing is allowed.")
    return files


def policy_revision(files: dict[str, bytes]) -> str:
    """Return the revision of a set of policy files: 16 hexadecimal digits of SHA-256 over names and content."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        # Lengths first, so that no text can move from a name into a content or a next file unseen.
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Engine:
    """An interpreter and the bundle it built; used by the thread that made it and by no other."""

    interpreter: Interpreter
    bundle: Bundle


class EmbeddedRego:
    """Policies of a folder, read once, evaluated in a few threads of this process.

    Parameters
    ----------
    folder:
        Folder with the policies; those that come with the program when ``None``.
    threads:
        How many decisions are taken at the same time at most.

    A folder that is empty or does not compile makes every decision fail closed; :meth:`ensure_loaded`
    tells so at start.
    """

    def __init__(self, folder: Path | None = None, *, threads: int = 2) -> None:
        self._files: dict[str, bytes] = {}
        self._fault: PolicyUnavailable | None = None
        self._revision: str | None = None
        self._own = threading.local()
        self._building = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="policy")
        try:
            self._files = policy_files(shipped_policies() if folder is None else folder)
            self._build()
        except PolicyUnavailable as fault:
            self._fault = fault
        else:
            self._revision = policy_revision(self._files)

    @property
    def revision(self) -> str | None:
        """Revision of the loaded policies; ``None`` when there are none to decide by."""
        return self._revision

    def ensure_loaded(self) -> None:
        """Raise ``PolicyUnavailable`` when the policies are missing or do not compile."""
        if self._fault is not None:
            raise PolicyUnavailable(self._fault.detail)

    async def decide(self, request: AccessRequest) -> Decision:
        """Return the decision on *request*. Raises ``PolicyUnavailable`` for every answer that is not one."""
        self.ensure_loaded()
        question = request.to_json()
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._evaluate, question)
        try:
            return decision_from_json(answer, request, self._revision or "")
        except ValueError:
            raise PolicyUnavailable("The policy's answer is not a decision; it is taken as no.") from None

    async def healthy(self) -> bool:
        """Return whether policies are loaded and answer."""
        if self._fault is not None:
            return False
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._pool, self._evaluate, {})
        except PolicyUnavailable:
            return False
        return isinstance(answer, dict) and answer.get("allow") is False  # nothing asked, nothing allowed

    async def close(self) -> None:
        """Stop the threads; decisions under way end first."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _evaluate(self, question: dict[str, object]) -> object:
        try:
            engine: _Engine | None = getattr(self._own, "engine", None)
            if engine is None:
                engine = self._own.engine = self._build()
            text = orjson.dumps(question)
            # JSON without a backslash has no character that the fast way would not escape.
            if b"\\" in text:
                engine.interpreter.set_input_term(text.decode())
            else:
                engine.interpreter.set_input(question)
            results = engine.interpreter.query_bundle_entrypoint(engine.bundle, _ENTRYPOINT).results
        except PolicyUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever the engine throws, it is not a decision
            # The interpreter may be left with half an input: the next decision builds a new one.
            self._own.engine = None
            raise PolicyUnavailable("The policy failed while it was evaluated.") from None
        if len(results) != 1 or len(results[0].expressions) != 1:
            raise PolicyUnavailable("The policy gives no answer to this question.")
        answer: object = results[0].expressions[0]
        return answer

    def _build(self) -> _Engine:
        # The compiler is kept to one thread at a time; it runs once a thread.
        with self._building:
            try:
                interpreter = Interpreter()
                interpreter.strict_built_in_errors = True
                for name, source in self._files.items():
                    interpreter.add_module(name, source.decode())
                bundle = interpreter.build(None, [_ENTRYPOINT])
                if not bundle.ok():
                    raise PolicyUnavailable("The policies do not compile. Run `opa check --strict` on them.")
            except (RegoError, UnicodeDecodeError):
                raise PolicyUnavailable("The policies do not compile. Run `opa check --strict` on them.") from None
            return _Engine(interpreter, bundle)

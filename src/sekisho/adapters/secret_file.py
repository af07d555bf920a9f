"""A secret in a file of its own: the password of the mail server, the secret of the identity provider."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sekisho.errors import WorkspaceError

_MAX_BYTES = 4096


def read_secret(path: Path) -> str:
    """Return the text in the file *path*, without white space around it.

    Raises ``WorkspaceError`` when it cannot be read, is empty, or may be read by others: such a secret must be
    replaced, and only people can know whether it was read.
    """
    try:
        # O_NONBLOCK: a pipe put in the file's place must not hang the start.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise WorkspaceError(f"cannot open {path}: {error.strerror}; put the secret there, mode 0600") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise WorkspaceError(f"{path} is not a file; put the secret there, mode 0600")
        if status.st_mode & 0o077:
            raise WorkspaceError(
                f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, so that others can read the secret; "
                "run chmod 600 on it, and replace the secret if others may have read it"
            )
        content = os.read(handle, _MAX_BYTES + 1)
    finally:
        os.close(handle)
    try:
        secret = content.decode().strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(content) > _MAX_BYTES:
        raise WorkspaceError(f"{path} holds no secret: one line of text is expected")
    return secret

"""The story that the demonstration tells, in nine parts, each with the numbers that it computed.

It drives the real gateway, in this process, as the requesters of the workspace; the numbers are held against
the files themselves, which only the controller can read.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

from sekisho.bootstrap import open_workspace
from sekisho.demo.controller import ControllersFiles
from sekisho.demo.scene import Expectation, Part, Scene
from sekisho.demo.story_answers import micro_segment, statistics, texts_without_people
from sekisho.demo.story_proof import the_log_proves_itself, where_to_go_next
from sekisho.demo.story_rows import (
    masked_means_masked,
    not_for_this_purpose,
    one_customer_withdraws,
    only_those_who_agreed,
)
from sekisho.demo.workspace import Built
from sekisho.errors import SekishoError

_PARTS: tuple[Callable[[Scene], Awaitable[Part]], ...] = (
    only_those_who_agreed,
    not_for_this_purpose,
    masked_means_masked,
    one_customer_withdraws,
    texts_without_people,
    micro_segment,
    statistics,
)


async def tell(built: Built) -> AsyncIterator[Part]:
    """Open the workspace and yield the nine parts as they are done.

    A part that breaks off is yielded with the code of what broke it, and the story goes on.

    Raises ``SekishoError`` when the workspace cannot be opened.
    """
    async with open_workspace(built.folder) as workspace:
        with ControllersFiles(workspace.settings.catalogue) as files:
            scene = Scene(workspace, built, files)
            began = workspace.clock.now()
            for number, part in enumerate(_PARTS, 1):
                yield await _told(number, part(scene))
            yield await _told(8, the_log_proves_itself(scene, began))
            yield where_to_go_next(scene)


async def _told(number: int, part: Awaitable[Part]) -> Part:
    began = time.perf_counter()
    try:
        return await part
    except SekishoError as error:
        return Part(
            number,
            "語れなかった部分",
            "This part could not be told",
            lines=(f"{error.code}: {error.detail}",),
            facts={"code": error.code, "seconds": round(time.perf_counter() - began, 3)},
            expectations=(Expectation(f"part {number} can be told ({error.code})", held=False),),
        )

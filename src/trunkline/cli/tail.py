"""`trunkline tail`: what happens on topics, one line each."""

import asyncio
import shutil
from collections import OrderedDict
from datetime import datetime
from typing import Annotated

import typer

from trunkline import InvalidTopic, ReceivedEvent, TopicFailed, TopicOpened, Update, parse_topic
from trunkline.cli.failures import CommandFailed
from trunkline.cli.interrupts import interruptible
from trunkline.cli.live_line import LiveLine
from trunkline.cli.options import DataDirOption, JsonOption, TokenOption, UrlOption
from trunkline.cli.reader_watch import ended_without_reader
from trunkline.cli.rendering import as_json, as_line
from trunkline.cli.screen import Screen, one_line
from trunkline.cli.target import find_target

_REMEMBERED = 4_096
_NARROWEST = 20


class Once:
    """Tells events that were shown before: one of two topics that overlap replays what the other had. Pure."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: OrderedDict[str, None] = OrderedDict()

    def is_new(self, event_id: str) -> bool:
        """Whether this id comes for the first time, as far back as ids are remembered."""
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return True


def tail(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="'agent:*', thread:45 ...")],
    as_objects: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show live events of topics, one line each, until Ctrl-C.

    Each topic begins with its present state. Notes, such as a lost line, go to stderr.
    """
    for topic in topics:
        _check(topic)
    screen = Screen()
    line = LiveLine(find_target(url, token, data_dir), screen)
    asyncio.run(_follow(line, dict.fromkeys(topics), screen, as_objects))


def _check(topic: str) -> None:
    try:
        parse_topic(topic)
    except InvalidTopic as error:
        raise CommandFailed(f"{error}. Write a topic as thread:45, or 'agent:*' for all of a kind") from None


async def _follow(line: LiveLine, topics: dict[str, None], screen: Screen, as_objects: bool) -> None:
    once = Once()
    async with interruptible(), ended_without_reader(), line:
        for topic in topics:
            line.subscribe(topic)
        async for update in line:
            if isinstance(update, TopicOpened):
                continue
            if isinstance(update, TopicFailed):
                topics.pop(update.topic, None)
                if not topics:
                    raise CommandFailed(update.sentence)
                screen.error(update.sentence)
            elif not isinstance(update, ReceivedEvent) or once.is_new(update.id):
                _show(update, screen, as_objects)


def _show(update: Update, screen: Screen, as_objects: bool) -> None:
    if as_objects:
        screen.line(as_json(update))
        return
    time, topic, kind, shown = as_line(update, datetime.now().astimezone())
    place = f"{topic:<10}"
    if screen.is_terminal:
        taken = len(f"{time}  {place}  {kind:<22}  ")
        shown = one_line(shown, max(_NARROWEST, shutil.get_terminal_size().columns - taken))
    screen.line(f"{screen.styled(time, dim=True)}  {place}  {screen.styled(f'{kind:<22}', bold=True)}  {shown}")

"""Events and snapshots as lines: for people, and as JSON."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from trunkline import ReceivedEvent, ReceivedReset, ReceivedSnapshot, Update
from trunkline.cli.screen import one_line

# Control characters that JSON may hold as they are and a terminal may obey.
_C1 = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
_TEXT = 72
_NAMES = 5


def as_json(update: Update) -> str:
    """One JSON object in one line, with the members that it has on the wire."""
    shown: dict[str, Any]
    match update:
        case ReceivedEvent():
            shown = {"type": update.type, "topic": update.topic, "seq": update.seq}
            shown |= {} if update.feed_seq is None else {"feed_seq": update.feed_seq}
            shown |= {"id": update.id, "time": update.time, "data": update.data}
        case ReceivedSnapshot():
            position = {"epoch": update.position.epoch, "seq": update.position.seq}
            shown = {"type": update.type, "topic": update.topic, **position, "data": update.data}
        case ReceivedReset():
            shown = {"type": "reset", "topic": update.topic, "reason": update.reason}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).translate(_C1)


def as_line(update: Update, now: datetime) -> tuple[str, str, str, str]:
    """Time, topic, type and what it says. What carries no time of its own came `now`."""
    match update:
        case ReceivedEvent():
            return _clock(update.time, now), update.topic, update.type, describe(update.type, update.data)
        case ReceivedSnapshot():
            return f"{now:%H:%M:%S}.{now.microsecond // 1000:03}", update.topic, update.type, describe_state(update)
        case ReceivedReset():
            shown = f"the stream starts anew ({update.reason})"
            return f"{now:%H:%M:%S}.{now.microsecond // 1000:03}", update.topic, "reset", shown


def _clock(time: str, now: datetime) -> str:
    try:
        local = datetime.fromisoformat(time).astimezone(now.tzinfo)
    except ValueError:
        return time
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def describe(kind: str, data: Any) -> str:
    """An event's data in a few words; of unknown kinds, the data itself."""
    renderer = _EVENTS.get(kind)
    if renderer is None or not isinstance(data, dict):
        return _raw(data)
    try:
        return renderer(data)
    except (KeyError, TypeError, ValueError):
        return _raw(data)


def describe_state(snapshot: ReceivedSnapshot) -> str:
    """A snapshot in a few words."""
    renderer = _STATES.get(snapshot.type)
    try:
        return _raw(snapshot.data) if renderer is None else renderer(snapshot.data)
    except (KeyError, TypeError, ValueError):
        return _raw(snapshot.data)


def _raw(data: Any) -> str:
    return one_line(json.dumps(data, ensure_ascii=False), 2 * _TEXT)


def _quoted(text: str) -> str:
    return f'"{one_line(text, _TEXT)}"'


def _agent(data: dict[str, Any]) -> str:
    return f"{one_line(data['name'], _TEXT)}: {data['status']}, {data['model'] or 'default model'}, v{data['version']}"


def _thread(data: dict[str, Any]) -> str:
    title = _quoted(data["title"]) if data["title"] else "untitled"
    return f"{title} with agent {data['agent_id']}, v{data['version']}"


def _message(data: dict[str, Any]) -> str:
    return f"{data['role']}: {_quoted(data['content'])}"


def _updated_message(data: dict[str, Any]) -> str:
    return f"{data['role']}, v{data['version']}{', answered' if data['processed'] else ''}: {_quoted(data['content'])}"


def _run_finished(data: dict[str, Any]) -> str:
    error = f": {one_line(data['error'], 2 * _TEXT)}" if data.get("error") else ""
    return f"run {data['run_id']} {data['status']}{error}"


def _agents(data: dict[str, Any]) -> str:
    return _counted("agent", [agent["name"] for agent in data["agents"]], older=data["truncated"])


def _threads(data: dict[str, Any]) -> str:
    names = [thread["title"] or "untitled" for thread in data["threads"]]
    return _counted("thread", names, older=data["truncated"])


def _counted(what: str, names: list[str], *, older: bool) -> str:
    number = len(names)
    shown = ", ".join(one_line(name, 24) for name in names[-_NAMES:])
    before = "…, " if number > _NAMES else ""
    counted = f"{number}{' or more' if older else ''} {what}{'' if number == 1 and not older else 's'}"
    return f"{counted}: {before}{shown}" if shown else counted


def _history(data: dict[str, Any]) -> str:
    number = len(data["messages"])
    streaming = data.get("streaming")
    shown = f"{_thread(data['thread'])}, {number} message{'' if number == 1 else 's'}"
    return f"{shown}, run {streaming['run_id']} at {len(streaming['text'])} characters" if streaming else shown


_EVENTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "agent_created": _agent,
    "agent_updated": _agent,
    "agent_deleted": lambda data: one_line(data["name"], _TEXT),
    "thread_created": _thread,
    "thread_updated": _thread,
    "thread_deleted": _thread,
    "thread_message_created": _message,
    "thread_message_updated": _updated_message,
    "thread_message_deleted": lambda data: f"message {data['id']}",
    "run_started": lambda data: f"run {data['run_id']} of agent {data['agent_id']}",
    "run_finished": _run_finished,
    "stream_start": lambda data: f"run {data['run_id']} writes message {data['message_id']}",
    "stream_chunk": lambda data: f"at {data['at']}: {json.dumps(data['text'], ensure_ascii=False)}",
    "stream_end": lambda data: f"{data['length']} characters, {data['finish_reason']}",
    "system_status": lambda data: f"{data['status']}: {data['message']}",
}

_STATES: dict[str, Callable[[Any], str]] = {
    "agent_state": _agent,
    "agent_list": _agents,
    "thread_list": _threads,
    "thread_history": _history,
    "system_state": lambda data: f"{data['now']['status']}: {data['now']['message']}",
}

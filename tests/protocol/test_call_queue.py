import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallQueueFull
from trunkline.protocol.call_queue import CallQueue, CallState, QueuedCall


def call(key: str, size: int = 10) -> QueuedCall:
    return QueuedCall(key, "method", {}, size)


def send(queue: CallQueue, message_id: str) -> str | None:
    waiting = queue.next_to_send()
    if waiting is None:
        return None
    queue.sent(waiting, message_id)
    return waiting.key


def answer(queue: CallQueue, message_id: str, *, failed: bool = False) -> QueuedCall | None:
    found = queue.find(message_id)
    if found is not None:
        queue.answered(found, failed=failed)
    return found


def test_each_call_is_sent_when_the_one_before_was_answered() -> None:
    queue = CallQueue()
    for key in "ab":
        queue.add(call(key))
    assert (send(queue, "1"), send(queue, "2")) == ("a", None)
    answered = answer(queue, "1")
    assert answered is not None
    assert (answered.key, answered.state) == ("a", CallState.CONFIRMED)
    assert send(queue, "2") == "b"


def test_what_was_sent_and_not_answered_is_sent_again_first() -> None:
    queue = CallQueue()
    for key in "ab":
        queue.add(call(key))
    send(queue, "1")
    queue.cut()
    assert answer(queue, "1") is None
    assert send(queue, "2") == "a"


def test_a_key_that_waits_already_is_the_same_call() -> None:
    queue = CallQueue()
    first = queue.add(call("a"))
    assert queue.add(call("a")) is first
    assert len(queue) == 1


@pytest.mark.parametrize(("calls", "size"), [(3, 10), (10, 35)])
def test_a_full_queue_refuses_and_changes_nothing(calls: int, size: int) -> None:
    queue = CallQueue(max_calls=calls, max_bytes=size if calls == 10 else 1_000)
    for key in "abc":
        queue.add(call(key))
    with pytest.raises(CallQueueFull, match=r"3 calls \(30 bytes\)"):
        queue.add(call("d"))
    assert [c.key for c in queue.calls()] == ["a", "b", "c"]


@given(st.lists(st.sampled_from(["add", "send", "answer", "fail", "cut"]), max_size=80))
def test_answers_come_in_the_order_of_the_calls_whatever_happens_to_the_line(steps: list[str]) -> None:
    queue, made, messages = CallQueue(), 0, 0
    taken: list[int] = []
    for step in steps:
        if step == "add":
            queue.add(call(f"{made}"))
            made += 1
        elif step == "send":
            messages += send(queue, f"m{messages + 1}") is not None
        elif step in ("answer", "fail") and (answered := answer(queue, f"m{messages}", failed=step == "fail")):
            taken.append(int(answered.key))
        elif step == "cut":
            queue.cut()
    assert taken == list(range(len(taken)))
    assert len(queue) == made - len(taken)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallQueueFull
from trunkline.protocol.call_queue import CallQueue, CallState, QueuedCall


def call(key: str, size: int = 10) -> QueuedCall:
    return QueuedCall(key, "method", {}, size)


def send_all(queue: CallQueue, start: int = 0) -> list[str]:
    sent: list[str] = []
    while waiting := queue.next_to_send():
        queue.sent(waiting, str(start + len(sent)))
        sent.append(waiting.key)
    return sent


def test_calls_go_out_in_order_and_a_window_at_a_time() -> None:
    queue = CallQueue(window=2)
    for key in "abc":
        queue.add(call(key))
    assert send_all(queue) == ["a", "b"]
    answered = queue.answered("0", failed=False)
    assert answered is not None
    assert (answered.key, answered.state) == ("a", CallState.CONFIRMED)
    assert send_all(queue, 2) == ["c"]


def test_what_was_sent_and_not_answered_is_sent_again_first() -> None:
    queue = CallQueue(window=2)
    for key in "abc":
        queue.add(call(key))
    send_all(queue)
    queue.cut()
    assert queue.answered("0", failed=False) is None
    assert send_all(queue, 2) == ["a", "b"]


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
    queue, made, taken = CallQueue(window=3), 0, []
    in_flight: list[str] = []
    messages = 0
    for step in steps:
        if step == "add":
            queue.add(call(f"{made}"))
            made += 1
        elif step == "send" and (waiting := queue.next_to_send()):
            queue.sent(waiting, f"m{messages}")
            in_flight.append(f"m{messages}")
            messages += 1
        elif step in ("answer", "fail") and in_flight:
            answered = queue.answered(in_flight.pop(0), failed=step == "fail")
            assert answered is not None
            taken.append(int(answered.key))
        elif step == "cut":
            queue.cut()
            in_flight.clear()
    assert taken == sorted(set(taken))
    assert len(queue) == made - len(taken)

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from trunkline.hub.outbox import Outbox
from trunkline.protocol.codec import Frame


def frame(size: int) -> Frame:
    return Frame(b"x" * size)


def test_urgent_frames_come_first_and_each_kind_keeps_its_order() -> None:
    outbox = Outbox(1_000)
    frames = [frame(n) for n in range(1, 7)]
    for n, one in enumerate(frames):
        outbox.put(one, 0.0, urgent=n % 2 == 1)
    assert len(outbox) == 6
    assert outbox.take(1_000) == frames[1::2] + frames[0::2]
    assert (len(outbox), outbox.size) == (0, 21)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 200))
def test_frames_are_taken_in_pieces_of_about_a_size_and_count_until_they_are_written(
    sizes: list[int], piece: int
) -> None:
    outbox = Outbox(100)
    for size in sizes:
        outbox.put(frame(size), 0.0)
    taken: list[int] = []
    while outbox:
        lengths = [len(one) for one in outbox.take(piece)]
        assert sum(lengths[:-1]) < piece
        taken += lengths
        assert outbox.size == sum(sizes) - sum(taken) + sum(lengths)
        outbox.wrote(sum(lengths))
    assert taken == sizes
    assert outbox.size == 0


def test_events_fit_within_the_budget_and_one_alone_always_does() -> None:
    outbox = Outbox(100)
    assert outbox.fits(frame(500))
    outbox.put(frame(60), 0.0)
    assert outbox.fits(frame(40))
    assert not outbox.fits(frame(41))
    outbox.take(1)
    assert not outbox.fits(frame(41)), "taken is not written"
    outbox.wrote(60)
    assert outbox.fits(frame(101))


def test_the_oldest_frame_is_the_oldest_that_was_not_taken() -> None:
    outbox = Outbox(100)
    outbox.put(frame(10), 1.0)
    outbox.put(frame(10), 2.0)
    assert outbox.oldest_at == 1.0
    outbox.take(100)
    outbox.put(frame(10), 3.0)
    assert outbox.oldest_at == 3.0
    outbox.wrote(20)
    assert outbox.oldest_at == 3.0


async def test_room_is_less_than_a_quarter_unwritten() -> None:
    outbox = Outbox(100)
    await outbox.room()
    outbox.put(frame(26), 0.0)
    waiting = [asyncio.create_task(outbox.room()) for _ in range(3)]
    await asyncio.sleep(0)
    outbox.take(100)
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    outbox.wrote(1)
    await asyncio.gather(*waiting)


async def test_room_that_the_first_waiter_fills_is_no_room_for_the_next() -> None:
    outbox = Outbox(100)
    outbox.put(frame(80), 0.0)
    began: list[int] = []

    async def fill(n: int) -> None:
        await outbox.room()
        began.append(n)
        outbox.put(frame(80), 0.0)

    waiting = [asyncio.create_task(fill(n)) for n in range(3)]
    for expected in ([0], [0, 1], [0, 1, 2]):
        await asyncio.sleep(0)
        outbox.wrote(sum(len(one) for one in outbox.take(1_000)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert began == expected
    await asyncio.gather(*waiting)

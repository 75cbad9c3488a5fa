from hypothesis import given
from hypothesis import strategies as st

from trunkline.positions import Position, Step, judge


@given(st.integers(min_value=0), st.integers(min_value=1))
def test_one_number_is_next_and_all_others_are_old_or_past_a_hole(processed: int, seq: int) -> None:
    step = judge(processed, seq)
    assert (step is Step.NEXT) == (seq == processed + 1)
    assert (step is Step.OLD) == (seq <= processed)
    assert (step is Step.GAP) == (seq > processed + 1)


@given(st.lists(st.integers(min_value=1, max_value=20)))
def test_a_reader_that_stops_at_a_gap_takes_each_event_once_in_order(arriving: list[int]) -> None:
    position, taken = Position("e", 0), []
    for seq in arriving:
        if judge(position.seq, seq) is Step.NEXT:
            position = position._replace(seq=seq)
            taken.append(seq)
    assert taken == list(range(1, len(taken) + 1))

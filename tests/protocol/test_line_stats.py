from trunkline.protocol.line_stats import LineStats, SeenReport
from trunkline.protocol.messages import Seen


def test_what_a_pong_answered_is_not_told_again() -> None:
    stats = LineStats()
    report = SeenReport(stats)
    assert report.news() is None
    stats.gaps, stats.duplicates = 2, 1
    assert report.news() == Seen(gaps=2, duplicates=1)
    stats.gaps = 5
    report.answered()
    assert report.news() == Seen(gaps=3)
    report.answered()
    assert report.news() is None


def test_what_no_pong_answered_is_told_again() -> None:
    stats = LineStats(reordered=4)
    report = SeenReport(stats)
    assert report.news() == Seen(reordered=4)
    report.cut()
    report.answered()  # the pong of the next connection's first ping, which told nothing yet
    assert report.news() == Seen(reordered=4)


def test_more_than_a_server_believes_is_cut_short() -> None:
    assert SeenReport(LineStats(gaps=3_000_000)).news() == Seen(gaps=1_000_000)

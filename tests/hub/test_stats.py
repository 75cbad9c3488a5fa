from trunkline.hub.stats import Histogram, HubStats


def test_a_value_is_counted_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1, 10))
    for value in (0.5, 1, 1.5, 10, 11, 1_000):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.sum == 1_024


def test_things_are_counted_by_kind() -> None:
    stats = HubStats()
    stats.count("errors", "forbidden")
    stats.count("errors", "forbidden")
    stats.count("resets", "slow")
    stats.count("recoveries", "resumed")
    assert (stats.errors, stats.resets, stats.recoveries) == ({"forbidden": 2}, {"slow": 1}, {"resumed": 1})

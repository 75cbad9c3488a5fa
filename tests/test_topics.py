import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InvalidTopic
from trunkline.topics import Topic, TopicPattern, feed_channel, feed_topic, parse_topic

NAMESPACES = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z0-9_.~-]{1,128}", fullmatch=True)


@dataclass(frozen=True)
class Fields:
    id: object = ""
    part: object = ""


@given(NAMESPACES, KEYS)
def test_a_topic_is_read_and_written(namespace: str, key: str) -> None:
    topic = parse_topic(f"{namespace}:{key}")
    assert topic == Topic(namespace, key)
    assert str(topic) == f"{namespace}:{key}"
    assert not topic.is_feed
    assert topic.channel("any scope") == str(topic)
    assert feed_topic(str(topic)) == f"{namespace}:*"


@given(NAMESPACES, st.text())
def test_a_feed_s_channel_depends_on_the_scope_and_is_no_topic(namespace: str, scope: str) -> None:
    feed = parse_topic(f"{namespace}:*")
    assert feed.is_feed
    assert feed.channel(scope) == feed_channel(namespace, scope)
    assert feed.channel(scope) != feed.channel(scope + "x")
    with pytest.raises(InvalidTopic):
        parse_topic(feed.channel(scope))


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "agent", "agent:", ":12", "Agent:12", "1agent:12", "agent:1 2", "agent:12\n", " agent:12", "agent:**",
        "agent:1*", "*:*", "agent:ä", "agent:1/2", "agent:1:2", "agent:\x00", "a" * 65 + ":1", "a:" + "1" * 129,
        "agent:*@other", None, 12, ["agent:12"], {"topic": "agent:12"}, b"agent:12", "x" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_topic_is_named_in_the_error(text: object) -> None:
    with pytest.raises(InvalidTopic) as caught:
        parse_topic(text)
    assert str(caught.value).startswith("Invalid topic format: ")
    assert len(str(caught.value)) <= 110
    assert caught.value.topic is text


def test_a_value_nested_deeper_than_the_stack_is_still_named() -> None:
    nested: object = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidTopic, match=re.escape("Invalid topic format: [[[[")):
        parse_topic(nested)
    while isinstance(nested, list) and nested:
        nested = nested.pop()


@given(st.text())
def test_whatever_is_taken_follows_the_grammar(text: str) -> None:
    try:
        topic = parse_topic(text)
    except InvalidTopic:
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}:([A-Za-z0-9_.~-]{1,128}|\*)", text, re.ASCII)
    assert str(topic) == text


@given(KEYS, KEYS)
def test_a_pattern_takes_apart_what_it_made(first: str, second: str) -> None:
    one = TopicPattern("thread:{id}")
    assert one.match(Topic("thread", first)) == {"id": first}
    assert one.topic(Fields(id=first)) == f"thread:{first}"
    assert one.match(Topic("other", first)) is None
    short = Fields(id=first[:60].replace("~", "-"), part=second[:60])
    two = TopicPattern("thread:{id}~{part}")
    made = parse_topic(two.topic(short))
    found = two.match(made)
    assert found is not None
    assert "~".join([found["id"], found["part"]]) == made.key


def test_a_pattern_without_fields_is_one_topic() -> None:
    pattern = TopicPattern("system:status")
    assert pattern.fields == ()
    assert pattern.match(Topic("system", "status")) == {}
    assert pattern.match(Topic("system", "statux")) is None
    assert TopicPattern("a:b.c").match(Topic("a", "bxc")) is None
    assert repr(pattern) == "TopicPattern('system:status')"


def test_a_field_never_matches_the_feed() -> None:
    assert TopicPattern("thread:{id}").match(Topic("thread", "*")) is None
    assert TopicPattern("thread:*").match(Topic("thread", "*")) == {}
    assert TopicPattern("thread:*").match(Topic("thread", "1")) is None


@pytest.mark.parametrize("value", ["", "*", "a b", "1:2", "é", "x" * 129])
def test_a_value_that_no_key_may_hold_makes_no_topic(value: str) -> None:
    with pytest.raises(InvalidTopic):
        TopicPattern("thread:{id}").topic(Fields(id=value))


@pytest.mark.parametrize(
    "pattern",
    ["", "thread", "thread:", "Thread:{id}", "thread:{}", "thread:{Id}", "thread:{id}{id}", "thread:{id", "thread:1*"],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        TopicPattern(pattern)

"""The fixtures as an application uses them: a conftest and a test file of its own, in a pytest of its own."""

import pytest

pytest_plugins = ["pytester"]

APPLICATION = """
    from trunkline import EventBus, Principal, Trunkline, allow_all

    TOKENS = {"s3cret": Principal("ann")}

    def make_line():
        return Trunkline(authenticate=lambda shake: TOKENS.get(shake.token), authorize=allow_all, bus=EventBus())
"""

QUIETLY = ("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider")
"""The scope is said because some versions of pytest-asyncio ask for it."""

CONFTEST = 'pytest_plugins = ["trunkline.testing.fixtures"]\n'

WITH_THE_OPEN_LINE = """
    import asyncio
    import pytest
    from trunkline import ReceivedEvent, EventType
    import msgspec

    pytestmark = pytest.mark.asyncio

    class Note(msgspec.Struct):
        key: str

    NOTED = EventType("noted", Note, topic="note:{key}")

    async def test_a_client_of_the_line(trunkline_line, trunkline_client, manual_clock):
        updates = []
        trunkline_client.topics.subscribe("note:*", updates.append)
        await trunkline_client.settle()
        trunkline_client.drop()
        await trunkline_line.publish(NOTED, Note("1"))
        await trunkline_client.reconnect()
        assert [update.data for update in updates if isinstance(update, ReceivedEvent)] == [{"key": "1"}]
        assert trunkline_client.clock is manual_clock

    async def test_two_clients_of_one_line(trunkline_line, trunkline_pair):
        ann, bob = await trunkline_pair(), await trunkline_pair()
        assert len(trunkline_line.hub.connections) == 2
        assert ann.clock is bob.clock

    async def test_every_test_has_a_line_of_its_own(trunkline_line, trunkline_client):
        assert trunkline_line.hub.stats.connections_opened == 1

    async def test_a_proxy_before_a_server(fault_proxy):
        async def echo(reader, writer):
            writer.write(await reader.readexactly(2))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = await fault_proxy(server.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hi")
        assert await reader.read() == b"hi"
        writer.close()
        server.close()
"""

OVERRIDING = """
    import pytest
    import pytest_asyncio
    from application import make_line
    from trunkline import LineClosed, Principal

    pytestmark = pytest.mark.asyncio

    class TestAnUnstartedLine:
        @pytest.fixture
        def trunkline_line(self):
            return make_line()

        async def test_its_doors_are_asked(self, trunkline_line, trunkline_pair):
            await trunkline_pair(token="s3cret")
            assert [c.principal.id for c in trunkline_line.hub.connections.values()] == ["ann"]
            with pytest.raises(LineClosed):
                await trunkline_pair(token="wrong")

    class TestAStartedLineAndAPrincipal:
        @pytest_asyncio.fixture
        async def trunkline_line(self):
            async with make_line() as line:
                yield line

        @pytest.fixture
        def trunkline_principal(self):
            return Principal("bob")

        async def test_its_client_is_the_principal(self, trunkline_line, trunkline_client):
            assert [c.principal.id for c in trunkline_line.hub.connections.values()] == ["bob"]
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_fixtures_serve_an_application(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(application=APPLICATION, test_open=WITH_THE_OPEN_LINE, test_overriding=OVERRIDING)
    result = pytester.runpytest_subprocess(*QUIETLY, "-o", f"asyncio_mode={mode}")
    result.assert_outcomes(passed=6)


def test_a_client_that_may_not_connect_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        application=APPLICATION,
        test_refused="""
            import pytest
            from application import make_line

            @pytest.fixture
            def trunkline_line():
                return make_line()

            async def test_a_wrong_token(trunkline_pair):
                await trunkline_pair(token="wrong")
        """,
    )
    result = pytester.runpytest_subprocess(*QUIETLY, "-o", "asyncio_mode=auto")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LineClosed*token is not valid*"])

import pytest

from tests.agents.models.fake_openai import Failure, FakeOpenAI
from tests.agents.models.reading import ask
from trunkline.agents.models.base import ModelBadRequest
from trunkline.agents.models.catalog import ModelCatalog, ModelSettings, choose_default
from trunkline.agents.models.install import is_installed

LOCAL_SERVER = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}


@pytest.mark.parametrize(
    ("env", "installed", "listed", "name"),
    [
        ({}, False, [], "echo"),
        ({}, True, [], "local/smollm2"),
        ({"OPENAI_API_KEY": "k"}, True, [], "gpt-4o-mini"),
        ({"OPENAI_API_KEY": "k"}, True, ["a"], "gpt-4o-mini"),
        ({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "gpt-5"}, True, [], "gpt-5"),
        ({"OPENAI_API_KEY": "k", "TRUNKLINE_MODEL": "echo"}, True, [], "echo"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://api.openai.com/v1/"}, True, ["a"], "gpt-4o-mini"),
        (LOCAL_SERVER, True, ["nomic-embed-text", "llama3"], "llama3"),
        (LOCAL_SERVER, True, ["nomic-embed-text"], "nomic-embed-text"),
        (LOCAL_SERVER, True, [], "gpt-4o-mini"),
        ({**LOCAL_SERVER, "OPENAI_MODEL": "qwen"}, True, ["llama3"], "qwen"),
        ({"TRUNKLINE_MODEL": "local/smollm2"}, False, [], "local/smollm2"),
        ({"TRUNKLINE_MODEL": " ", "OPENAI_API_KEY": "", "OPENAI_MODEL": "x"}, False, [], "echo"),
    ],
)
def test_the_default_model(env: dict[str, str], installed: bool, listed: list[str], name: str) -> None:
    assert choose_default(ModelSettings.from_env(env), local_installed=installed, listed=listed) == name


def test_settings_are_read_from_the_environment() -> None:
    env = {"TRUNKLINE_MODEL": "m", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "u", "OPENAI_MODEL": "o", "HOME": "/"}
    assert ModelSettings.from_env(env) == ModelSettings(model="m", api_key="k", base_url="u", openai_model="o")


async def test_without_an_endpoint_there_are_the_local_model_and_echo() -> None:
    catalog = ModelCatalog(ModelSettings())
    infos = await catalog.list()
    assert [(info.id, info.provider, info.available) for info in infos] == [
        ("local/smollm2", "local", is_installed()),
        ("echo", "echo", True),
    ]
    assert [info.id for info in infos if info.default] == [await catalog.default_name()]
    await catalog.aclose()


async def test_the_endpoint_s_models_come_first_and_its_first_chat_model_is_the_default() -> None:
    async with FakeOpenAI(models=["text-embedding-3", "llama3"]) as server:
        catalog = ModelCatalog(ModelSettings(base_url=server.base_url))
        infos = await catalog.list()
        assert [info.id for info in infos] == ["text-embedding-3", "llama3", "local/smollm2", "echo"]
        assert [info.id for info in infos if info.default] == ["llama3"]
        assert infos[0].description == f"At {server.base_url}."
        connections = server.connections
        assert await catalog.default_name() == "llama3"
        assert server.connections == connections, "the default is asked for once"
        await catalog.aclose()


async def test_an_endpoint_that_is_down_offers_the_named_model_and_is_asked_again_for_a_default() -> None:
    async with FakeOpenAI() as server:
        pass
    catalog = ModelCatalog(ModelSettings(base_url=server.base_url))
    assert await catalog.default_name() == "gpt-4o-mini"
    infos = await catalog.list()
    assert [info.id for info in infos] == ["gpt-4o-mini", "local/smollm2", "echo"]
    assert (infos[0].default, infos[0].available) == (True, False)
    assert infos[0].problem is not None
    assert infos[0].problem.startswith(f"Cannot reach the model provider at {server.base_url}.")
    await catalog.aclose()


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (401, "The model provider refused the API key (401). Check OPENAI_API_KEY."),
        (402, "The account at the model provider has no quota left (402)."),
        (503, "The model provider failed (503)."),
        # Such an endpoint has no list, and may have the model.
        (404, None),
        (429, None),
    ],
)
async def test_a_model_tells_why_it_cannot_answer(status: int, problem: str | None) -> None:
    async with FakeOpenAI(models=Failure(status)) as server:
        catalog = ModelCatalog(ModelSettings(base_url=server.base_url, openai_model="qwen"))
        first = (await catalog.list())[0]
        await catalog.aclose()
    assert (first.id, first.available) == ("qwen", problem is None)
    assert (first.problem or "").startswith(problem or "")
    assert (first.problem is None) == (problem is None)


async def test_a_default_that_needs_an_endpoint_is_listed_with_what_it_needs() -> None:
    catalog = ModelCatalog(ModelSettings(model="gpt-5"))
    infos = await catalog.list()
    assert [(info.id, info.available) for info in infos if info.default] == [("gpt-5", False)]
    assert infos[0].problem is not None
    assert infos[0].problem.startswith("There is no model 'gpt-5' here: no model provider is configured.")
    assert all((info.problem is None) == info.available for info in infos)
    await catalog.aclose()


async def test_a_model_is_opened_by_its_name_and_kept() -> None:
    async with FakeOpenAI() as server:
        catalog = ModelCatalog(ModelSettings(base_url=server.base_url))
        model = catalog.open("fake-model")
        assert catalog.open("fake-model") is model
        assert (await ask(model, "hi")).text == "Hello world"
        assert (await server.call(0)).body["model"] == "fake-model"
        await catalog.aclose()


async def test_echo_and_the_local_model_need_no_endpoint() -> None:
    catalog = ModelCatalog(ModelSettings())
    assert catalog.open("echo").name == "echo"
    assert catalog.open("local/smollm2").name == "local/smollm2"
    await catalog.aclose()


def test_only_an_endpoint_may_have_models_of_other_names() -> None:
    without, with_one = ModelCatalog(ModelSettings()), ModelCatalog(ModelSettings(api_key="k"))
    for name in ("", "echo", "local/smollm2"):
        assert (without.why_not(name), with_one.why_not(name)) == (None, None)
    assert with_one.why_not("gpt-5") is None
    assert (without.why_not("gpt-5") or "").startswith("There is no model 'gpt-5' here")


def test_a_name_that_needs_an_endpoint_says_so_where_there_is_none() -> None:
    with pytest.raises(ModelBadRequest) as caught:
        ModelCatalog(ModelSettings()).open("gpt-5")
    assert caught.value.code == "model_unknown"
    assert str(caught.value) == (
        "There is no model 'gpt-5' here: no model provider is configured. Set OPENAI_API_KEY or OPENAI_BASE_URL and "
        "restart, or choose 'local/smollm2' or 'echo'."
    )

"""`trunkline model`."""

import json

import pytest

from tests.cli.conftest import Run


def test_the_models_of_the_running_server(on_server: Run) -> None:
    listed = on_server("model", "list")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines()[0].split() == ["MODEL", "PROVIDER", "HERE"]
    assert any(line.startswith("echo *  ") for line in listed.out.splitlines())
    models = json.loads(on_server("model", "list", "--json").out)
    assert [model["id"] for model in models if model["default"]] == ["echo"]


def test_without_a_server_the_models_that_one_would_have(run: Run) -> None:
    listed = run("model", "list")
    assert listed.code == 0
    assert listed.err == "No server runs; a server started now would have these.\n"
    assert {"echo", "local/smollm2"} <= {line.split()[0] for line in listed.out.splitlines()[1:]}


def test_the_default_of_the_environment_is_marked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_MODEL", "echo")
    assert any(line.startswith("echo *") for line in run("model", "list").out.splitlines())


@pytest.mark.model
def test_an_installed_model_is_not_installed_again(run: Run) -> None:
    ran = run("model", "install")
    assert (ran.code, ran.out) == (0, "The local model is installed already.\n")

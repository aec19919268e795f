"""Whether a model can be had is known before a server starts."""

from __future__ import annotations

from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from ecco_widgets._demo import check_model
from ecco_widgets.errors import ModelNotFound


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A hub without a network: `cached` files, and what asking it `raises`."""
    state: dict[str, Any] = {"cached": None, "raises": None}

    def model_info(self: object, repo_id: str, **_: object) -> None:
        if state["raises"] is not None:
            raise state["raises"]

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: state["cached"])
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    return state


def test_a_folder_with_a_saved_model_is_accepted(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    check_model(str(tmp_path))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelNotFound, match=r"holds no config\.json.*embedded demo model"):
        check_model(str(tmp_path))


@pytest.mark.parametrize(
    "path", ["./nowhere", "../nowhere", "~/nowhere-at-all", "/nowhere/at/all", "a/b/c", r"C:\models"]
)
def test_what_looks_like_a_path_is_not_asked_of_the_hub(path, hub):
    hub["raises"] = AssertionError("asked the hub")
    with pytest.raises(ModelNotFound, match="There is no folder"):
        check_model(path)


def test_a_model_of_the_hub_is_accepted(hub):
    check_model("distilgpt2")


def test_a_model_downloaded_before_needs_no_network(hub):
    hub.update(cached="/cache/config.json", raises=ConnectionError())
    check_model("distilgpt2")


def test_a_model_that_the_hub_does_not_have_is_refused(hub):
    error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    hub["raises"] = error
    with pytest.raises(ModelNotFound, match="no model on the hub named 'nobody/nothing'"):
        check_model("nobody/nothing")


def test_without_a_network_the_message_says_how_to_go_on(hub):
    hub["raises"] = ConnectionError("Name or service not known")
    with pytest.raises(ModelNotFound, match=r"could not be asked.*Name or service not known.*folder.*embedded"):
        check_model("distilgpt2")

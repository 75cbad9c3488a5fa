from pathlib import Path

import pytest

from trunkline.agents.data_lock import exclusive
from trunkline.agents.settings import BadSettings


def test_a_data_directory_has_one_server_at_a_time(tmp_path: Path) -> None:
    with exclusive(tmp_path / "data"):
        with pytest.raises(BadSettings, match="Another server uses"), exclusive(tmp_path / "data"):
            pass
        with exclusive(tmp_path / "other"):
            pass
    with exclusive(tmp_path / "data"):
        pass


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="cannot be used"), exclusive(tmp_path / "file" / "data"):
        pass


def test_a_database_that_lies_elsewhere_is_held_too(tmp_path: Path) -> None:
    database = tmp_path / "shared.db"
    with exclusive(tmp_path / "one", database):
        with (
            pytest.raises(BadSettings, match="Another server uses the database"),
            exclusive(tmp_path / "two", database),
        ):
            pass
        with exclusive(tmp_path / "three", tmp_path / "three" / "own.db"):
            pass
    with exclusive(tmp_path / "two", database):
        pass

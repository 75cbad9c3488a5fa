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


def test_a_database_is_held_wherever_it_is_reached_from(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    database, link = tmp_path / "one" / "trunkline.db", tmp_path / "link.db"
    link.symlink_to(database)
    with exclusive(tmp_path / "one", database):
        for same in (database, link):
            with (
                pytest.raises(BadSettings, match="Another server uses the database"),
                exclusive(tmp_path / "two", same),
            ):
                pass
        with exclusive(tmp_path / "three", tmp_path / "three" / "trunkline.db"):
            pass
    with exclusive(tmp_path / "two", database):
        pass

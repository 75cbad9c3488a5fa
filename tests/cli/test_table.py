"""Rows under headings."""

from trunkline.cli.table import table


def test_columns_are_aligned_and_lines_end_without_blanks() -> None:
    lines = list(table(("ID", "NAME", ""), [("1", "Ada", "x"), ("10", "Grace Hopper", "")]))
    assert lines == ["ID  NAME", "1   Ada           x", "10  Grace Hopper"]


def test_headings_may_stand_alone() -> None:
    assert list(table(("ID", "NAME"), [])) == ["ID  NAME"]

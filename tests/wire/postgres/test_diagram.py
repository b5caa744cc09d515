from pathlib import Path

from interlock.wire.postgres.diagram import PATH, draw


def test_the_page_is_what_the_tables_draw() -> None:
    page = Path(__file__).resolve().parents[3] / PATH
    assert page.read_text() == draw(), f"write it anew: python -m interlock.wire.postgres.diagram > {PATH}"

"""How many personal values one may have in an hour: counted by what was delivered, across workers and a kill."""

import shutil
from pathlib import Path

import pytest
from psycopg import errors as pg

from interlock.app.bundles import find_pack, named_pack
from interlock.app.embedded import EmbeddedPostgres
from tests.stand import standing
from tests.stories.worlds import SMALL

POLICY = """
@id("personal-values") @title("At most 50 personal values an hour") @severity("high")
forbid (principal, action == Action::"read", resource)
when { context.fields.contains("pii") }
when { context has recent.hour.piiCells && context.recent.hour.piiCells > 50 };

@id("personal-values-are-counted") @title("What cannot be counted is not read") @severity("high")
forbid (principal, action == Action::"read", resource)
when { context.fields.contains("pii") }
unless { context has recent.hour.piiCells };
"""


def test_personal_values_are_counted_by_rows_and_columns(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(find_pack(named_pack("development")), pack)
    (pack / "cases.yaml").unlink()
    (pack / "40-values.cedar").write_text(POLICY)
    settings = {"pack": "pack", "environment": "dev", "gateway": "workers = 2"}
    with standing(postgres18, tmp_path, SMALL, pii=("public.items.name",), **settings) as stand:
        stand.start()
        with stand.connect() as one:
            assert len(one.execute("SELECT id FROM items LIMIT 500").fetchall()) == 500  # none of them is personal
            assert len(one.execute("SELECT id, name, lower(name) FROM items LIMIT 20").fetchall()) == 20  # 40 values
        with stand.connect() as other:
            assert len(other.execute("SELECT name FROM items LIMIT 20").fetchall()) == 20  # 60 from here on
            with pytest.raises(pg.InsufficientPrivilege) as refused:
                other.execute("SELECT name FROM items LIMIT 1")
            assert "60 personal values read in the last hour" in (refused.value.diag.message_detail or "")
            assert other.execute("SELECT id FROM items LIMIT 1").fetchone() == (1,)
        stand.kill()
        stand.start()
        with stand.connect() as again, pytest.raises(pg.InsufficientPrivilege):
            again.execute("SELECT name FROM items LIMIT 1")
        stand.end_well()

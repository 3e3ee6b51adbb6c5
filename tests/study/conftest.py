import os
import sys

import pytest

from tests import misbehaving
from zoo.registry.lookup import all_specs


@pytest.fixture
def foreign_models(tmp_path, monkeypatch):
    """Offer models by entry point to this process and to workers."""
    site = misbehaving.install(tmp_path / "site", ("raises_late", "sleeps_late", "hangs_on_all"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    all_specs.cache_clear()
    yield
    all_specs.cache_clear()
    sys.modules.pop("misbehaving", None)

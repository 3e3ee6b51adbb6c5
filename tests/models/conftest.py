import pytest

from zoo.models.keras_network import Architecture


@pytest.fixture
def without_xla(monkeypatch):
    """Compile no program with XLA: the same networks, sooner.

    `test_every_model.py` fits each of them with XLA.
    """
    monkeypatch.setattr(Architecture, "_jit_compile", False)

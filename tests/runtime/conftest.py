"""A toy model folder, written once for all tests of the room."""

from pathlib import Path

import pytest

from vb_perception.runtime.toy_model import write_toy_model


@pytest.fixture(scope="session")
def toy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Treat as read-only; tests that damage a model copy it first."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder)
    return folder

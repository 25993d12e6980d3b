"""The graphs around the network that are shipped are those that are written here."""

from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx", reason="training extra not installed: run `make test-training`")

from vb_perception.generator.on_device_graphs import TEXTS, graph  # noqa: E402
from vb_perception.runtime.on_device import GRAPHS  # noqa: E402


def test_no_graph_is_missing_or_left_over() -> None:
    assert {path.stem for path in GRAPHS.iterdir()} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_a_shipped_graph_is_the_one_written_here(name: str) -> None:
    shipped = onnx.load(str(Path(GRAPHS / f"{name}.onnx")))
    assert onnx.printer.to_text(shipped) == onnx.printer.to_text(graph(name))

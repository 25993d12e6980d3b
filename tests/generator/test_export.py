import logging
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.errors import ExportError  # noqa: E402
from vb_perception.generator import export  # noqa: E402
from vb_perception.generator.checkpoint import load_into, read_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.export import export_model  # noqa: E402
from vb_perception.generator.student import Generator  # noqa: E402
from vb_perception.generator.text import TextEncoder  # noqa: E402
from vb_perception.runtime.engine import EngineSpec  # noqa: E402
from vb_perception.runtime.openvino_engine import OpenVinoEngine  # noqa: E402
from vb_perception.runtime.text import PromptEncoder  # noqa: E402
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals, Task  # noqa: E402

HEIGHT, WIDTH = 64, 96
pytestmark = [
    pytest.mark.slow,
    # torch's exporter warns of its own deprecations.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random generator, exported; the export itself compares it with torch."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    config = GeneratorConfig()
    export_model(Generator(config), TextEncoder(config), HEIGHT, WIDTH, folder, "random")
    return folder


def test_the_folder_is_a_model_that_engines_load(exported: Path) -> None:
    spec = EngineSpec.read(exported)
    assert (spec.height, spec.width) == (HEIGHT, WIDTH)
    assert {f.name for f in exported.iterdir()} == {
        "config.json",
        "generator.onnx",
        "generator.safetensors",
        "spec.json",
        "text.onnx",
    }
    assert GeneratorConfig.read(exported / "config.json") == GeneratorConfig()
    tensors, _ = read_tensors(exported / "generator.safetensors")
    load_into(Generator(GeneratorConfig()), tensors, "generator.")
    load_into(TextEncoder(GeneratorConfig()), tensors, "text.")
    # Weights in fp16: two bytes a parameter, twice, and little else.
    assert sum(f.stat().st_size for f in exported.iterdir()) < 4.6 * spec.parameters
    prompts = PromptEncoder(exported, spec)
    image = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
    rays = np.zeros((1, 2, HEIGHT, WIDTH), np.float32)
    tasks: tuple[Task, ...] = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("cup", (255, 0, 0)),)))
    rows = np.stack([prompts.encode(t.tokens) for t in tasks])
    with OpenVinoEngine(exported, threads=1, precision="f32") as engine:
        together = engine.infer(image, rays, rows)
        alone = engine.infer(image, rays, rows[1:2])
    np.testing.assert_allclose(together[1:2], alone, atol=1e-4)


def test_a_graph_that_differs_is_refused(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TextEncoder(GeneratorConfig()).eval()  # another one than was exported
    with pytest.raises(ExportError, match=r"text\.onnx differs from torch"):
        export._check_text(PromptEncoder(exported, EngineSpec.read(exported)), text)  # noqa: SLF001
    monkeypatch.setattr(export, "ROUNDING_TOLERANCE", 0.0)
    config = GeneratorConfig()
    with pytest.raises(ExportError, match="fp16 weights move a colour"):
        export_model(Generator(config), TextEncoder(config), HEIGHT, WIDTH, exported, "again")

import logging
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.camera import CameraIntrinsics  # noqa: E402
from vb_perception.errors import ExportError  # noqa: E402
from vb_perception.generator import export  # noqa: E402
from vb_perception.generator.checkpoint import load_into, read_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.generator.export import export_model  # noqa: E402
from vb_perception.generator.student import Generator  # noqa: E402
from vb_perception.generator.text import TextEncoder  # noqa: E402
from vb_perception.generator.variants import ALLOWED, Wanted, write_variants  # noqa: E402
from vb_perception.runtime.build import open_engine  # noqa: E402
from vb_perception.runtime.engine import EngineSpec  # noqa: E402
from vb_perception.runtime.openvino_engine import OpenVinoEngine  # noqa: E402
from vb_perception.runtime.options import EngineOptions  # noqa: E402
from vb_perception.runtime.tensorrt_listeners import make_logger  # noqa: E402
from vb_perception.runtime.tensorrt_plan import import_flavour, parse  # noqa: E402
from vb_perception.runtime.text import PromptEncoder  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals, Task  # noqa: E402

HEIGHT, WIDTH = 64, 96
OTHER = 96, 128
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
    wanted = Wanted(frames(8), [OTHER])
    export_model(Generator(config), TextEncoder(config), HEIGHT, WIDTH, folder, "random", wanted=wanted)
    return folder


def frames(count: int) -> list[Sample]:
    """Soft pictures without any truth: the export needs none."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (count, 6, 8, 3), np.uint8)
    nothing = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    ids = np.full((HEIGHT, WIDTH), -1, np.int16)
    return [
        Sample(
            name="soft",
            rgb=np.asarray(cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)),
            intrinsics=CameraIntrinsics.from_fov(WIDTH, HEIGHT, 58),
            depth_m=nothing,
            normals=np.full((HEIGHT, WIDTH, 3), np.nan, np.float32),
            class_ids=ids,
            instance_ids=ids,
            class_names=("background",),
        )
        for one in small
    ]


def test_every_variant_is_listed_measured_and_passes_its_self_test(exported: Path) -> None:
    spec = EngineSpec.read(exported)
    sizes = {(HEIGHT, WIDTH), OTHER}
    for size in sizes:
        for precision in ("fp32", "fp16"):
            variant = spec.choose(precision, size)
            with open_engine(exported, "onnxruntime", 1, EngineOptions(precision=precision, size=size)) as engine:
                assert engine.spec.precision == precision
            bound = ALLOWED[precision]
            assert variant.colour_error <= bound.colour
            assert variant.depth_abs_rel <= bound.depth_abs_rel
            assert variant.mask_agreement >= 1 - bound.mask
    for variant in spec.variants:
        assert variant.precision in {"fp32", "fp16", "int8"}
        if variant.precision == "int8":
            assert variant.colour_error <= ALLOWED["int8"].colour
    assert spec.golden == f"golden_{HEIGHT}x{WIDTH}.npz"
    path = str(Path(export.__file__).parents[2]).encode()
    for variant in spec.graphs():
        assert path not in (exported / variant.file).read_bytes()
        assert (exported / variant.file).stat().st_size < 1_000_000  # the weights lie in one file for all


@pytest.mark.skipif(find_spec("tensorrt_rtx") is None, reason="pip install -r requirements/tensorrt.txt")
def test_tensorrt_parses_every_variant(exported: Path) -> None:
    trt = import_flavour("tensorrt_rtx")
    spec = EngineSpec.read(exported)
    for variant in spec.graphs():
        _, network, _parser = parse(trt, exported / variant.file, spec.at(variant), make_logger(trt))
        assert network.num_inputs == 3


def test_too_few_frames(exported: Path) -> None:
    with pytest.raises(ExportError, match="2 frames to calibrate"):
        write_variants(exported, EngineSpec.read(exported), [], Wanted(frames(2)))


def test_a_failed_export_leaves_the_model_before_as_it_was_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    out.mkdir()
    for name in ("generator.onnx", "spec.json", "MODEL_CARD.md"):
        (out / name).write_text("of the model before")

    def refuse(*_: object) -> None:
        msg = "text.onnx differs from torch"
        raise ExportError(msg)

    monkeypatch.setattr(export, "_check_text", refuse)
    config = GeneratorConfig()
    with pytest.raises(ExportError, match="differs from torch"):
        export_model(Generator(config), TextEncoder(config), HEIGHT, WIDTH, out, "new")
    assert [f.name for f in tmp_path.iterdir()] == ["model"]
    assert {f.name for f in out.iterdir()} == {"generator.onnx", "spec.json", "MODEL_CARD.md"}
    assert {f.read_text() for f in out.iterdir()} == {"of the model before"}


def test_the_folder_is_a_model_that_engines_load(exported: Path) -> None:
    spec = EngineSpec.read(exported)
    assert (spec.height, spec.width) == (HEIGHT, WIDTH)
    graphs = {variant.file for variant in spec.graphs()} | {variant.golden for variant in spec.graphs()}
    assert {f.name for f in exported.iterdir()} == graphs | {
        "config.json",
        "generator.onnx",
        "generator.safetensors",
        "generator.weights",
        "spec.json",
        "text.onnx",
        "words.txt",
    }
    assert GeneratorConfig.read(exported / "config.json") == GeneratorConfig()
    tensors, _ = read_tensors(exported / "generator.safetensors")
    load_into(Generator(GeneratorConfig()), tensors, "generator.")
    load_into(TextEncoder(GeneratorConfig()), tensors, "text.")
    # Weights in fp16: two bytes a parameter, twice, and little else.
    assert sum(f.stat().st_size for f in exported.iterdir()) < 4.6 * spec.parameters + 4_000_000
    prompts = PromptEncoder(exported, spec)
    image = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
    rays = np.zeros((1, 2, HEIGHT, WIDTH), np.float32)
    tasks: tuple[Task, ...] = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("cup", (255, 0, 0)),)))
    rows = np.stack([prompts.encode(t.tokens) for t in tasks])
    with OpenVinoEngine(exported, threads=1, precision="f32") as engine:
        together = engine.infer(image, rays, rows)
        alone = engine.infer(image, rays, rows[1:2])
    np.testing.assert_allclose(together[1:2], alone, atol=1e-4)


def test_a_graph_that_differs_is_refused(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TextEncoder(GeneratorConfig()).eval()  # another one than was exported
    with pytest.raises(ExportError, match=r"text\.onnx differs from torch"):
        export._check_text(PromptEncoder(exported, EngineSpec.read(exported)), text)  # noqa: SLF001
    monkeypatch.setattr(export, "ROUNDING_TOLERANCE", 0.0)
    config = GeneratorConfig()
    with pytest.raises(ExportError, match="fp16 weights move a colour"):
        export_model(Generator(config), TextEncoder(config), HEIGHT, WIDTH, tmp_path / "again", "again")
    assert not (tmp_path / "again").exists()

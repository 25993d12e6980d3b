"""The report in a real headless browser: without a network, without an error, with something to see."""

import shutil
import subprocess
from pathlib import Path

import cv2
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.settings import Settings
from vb_perception.runtime.toy_model import write_toy_model

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: `apt-get install chromium`")
def test_the_report_is_drawn(tmp_path: Path) -> None:
    assert BROWSER is not None
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "x.mcap", [make_sample(i) for i in range(3)])
    criteria = (Criterion("depth.abs_rel", "<=", 0.0), Criterion("frames.scored", ">=", 3.0))
    evaluate(tmp_path / "x.mcap", Settings((("ours", str(tmp_path / "model")),), "fake", criteria=criteria), tmp_path)
    page = (tmp_path / "report.html").as_uri()
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    logging = ("--enable-logging=stderr", "--v=0")
    dom = subprocess.run(
        [BROWSER, *QUIET, *logging, profile, "--dump-dom", page],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "CONSOLE" not in dom.stderr
    for text in ("Criteria", "missed", "met", "Best, median and worst frames", "Latency over time", "error of depth"):
        assert text in dom.stdout
    shot = tmp_path / "shot.png"
    command = [BROWSER, *QUIET, profile, "--window-size=1200,3000", f"--screenshot={shot}", page]
    subprocess.run(command, capture_output=True, check=True, timeout=300)
    picture = cv2.imread(str(shot))
    assert picture is not None
    assert picture.shape[1] == 1200
    assert picture.std() > 15  # pictures and tables, not an empty page
    green, red = (31, 138, 76), (201, 42, 42)  # the chips of a criterion that was met and of one that was missed
    for colour in (green, red):
        assert (abs(picture[..., ::-1].astype(int) - colour).sum(-1) < 12).sum() > 50

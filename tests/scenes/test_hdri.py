import base64
import sys
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import ConfigError
from vb_perception.scenes.hdri import HEIGHT_PX, read_panoramas


def write_panorama(folder: Path, name: str) -> None:
    """Dark ground, a grey sky and a sun of 10000, as the package keeps it."""
    exr = pytest.importorskip("OpenEXR", reason="panoramas need OpenEXR: pip install -r requirements/photos.txt")
    light = np.full((32, 64, 3), 0.1, np.float32)
    light[:16] = 0.5
    light[4:6, 10:12] = 1e4
    path = folder / "picture.exr"
    exr.File({"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}, {"RGB": light}).write(str(path))
    text = base64.b64encode(path.read_bytes()).decode()
    (folder / f"{name}.exr.js").write_text(f"export default 'data:application/exr;base64,{text}'\n", encoding="ascii")


def test_panoramas_become_pictures(tmp_path: Path) -> None:
    write_panorama(tmp_path, "park")
    write_panorama(tmp_path, "hall")
    images, names = read_panoramas(tmp_path)
    assert names == ("pmndrs/hall", "pmndrs/park")
    assert images.shape == (2, HEIGHT_PX, 2 * HEIGHT_PX, 3)
    sun, sky, ground = images[0][40, 88], images[0][100, 300], images[0][200, 300]
    assert (sun == 255).all()
    assert (sky > ground + 30).all()
    assert (ground > 20).all()


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="npm install @pmndrs/assets"):
        read_panoramas(tmp_path)
    (tmp_path / "night.exr.js").write_text("export default 'data:application/exr;base64,AAAA'\n", encoding="ascii")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(ConfigError, match=r"pip install --no-deps -r requirements/photos\.txt"):
        read_panoramas(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("OpenEXR", reason="panoramas need OpenEXR: pip install -r requirements/photos.txt")
    with pytest.raises(ConfigError, match=r"night\.exr\.js holds no readable"):
        read_panoramas(tmp_path)

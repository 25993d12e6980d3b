import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

CHAIR = """mtllib it.mtl
v -2 0 -1
v 2 0 -1
v 2 3 -1
v -2 3 -1
v -2 0 1
v 2 0 1
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl cloth
f 1/1 2/2 3/3 4/4
usemtl wood
f 1 2 6 5
"""
MATERIALS = """newmtl cloth
Kd 1 1 1
map_Kd cloth.png
newmtl wood
Kd 0.5 0.25 0.125
"""


def write_library(path: Path, models: dict[str, str], image: np.ndarray) -> None:
    """A library of Sweet Home 3D: `models` are names -> lines of the catalogue beside the name and the path."""
    rows = []
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, told) in enumerate(models.items(), start=1):
            archive.writestr(f"lib/{name}/{name}.obj", CHAIR)
            archive.writestr(f"lib/{name}/it.mtl", MATERIALS)
            archive.writestr(f"lib/{name}/cloth.png", cv2.imencode(".png", image)[1].tobytes())
            lines = [*told.split("|"), f"id=X#{name}", f"model=/lib/{name}/{name}.obj"]
            rows += [f"{key}#{number}={value}" for key, value in (line.split("=") for line in lines)]
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(rows).encode("latin-1"))


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A folder with two small libraries, one of them held out."""
    folder = tmp_path / "furniture"
    folder.mkdir()
    red, blue = (np.zeros((8, 8, 3), np.uint8) for _ in range(2))
    red[:4, :, 2] = 255  # OpenCV's order; the upper half
    blue[..., 0] = 255
    size = "category=Office|width=50|depth=40|height=90"
    write_library(
        folder / "Scopia.sh3f",
        {
            "seat": f"name=Chair|{size}",
            "turned": f"name=Chair|{size}|modelRotation=0 0 1 0 1 0 -1 0 0",
            "bus": "name=Bus|category=Vehicles|width=50|depth=40|height=90",
            "hook": f"name=Wall hanger|{size}",
            "frame": f"name=Frame H\\u00f4i An|{size}|elevation=120|dropOnTopElevation=-1",
        },
        red,
    )
    write_library(folder / "BlendSwap-CC-0.sh3f", {"stool": f"name=Stool|{size}"}, blue)
    return folder

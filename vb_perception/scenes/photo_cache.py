"""The cache of photographs: surfaces and panoramas in one npz."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes import hdri
from vb_perception.scenes.photo_textures import SWEETHOME3D_JAR, PhotoTexture, is_held_out, known, photo_textures

if TYPE_CHECKING:
    from typing_extensions import Self

PHOTOS = "photos.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Images (N, S, S, 3) uint8 with what each shows, and panoramas (P, H, 2 H, 3) uint8, of one fold."""

    images: NDArray[np.uint8]
    textures: tuple[PhotoTexture, ...]
    panoramas: NDArray[np.uint8]

    @classmethod
    def read(cls, cache_dir: Path | str, *, held_out: bool) -> "Self":
        """Those of one fold from a cache that `pack_photographs` wrote.

        Raises:
            ConfigError: The cache is missing or damaged, or it holds a texture that the table lacks.
        """
        path = Path(cache_dir) / PHOTOS
        if not path.is_file():
            msg = f"{path} is missing; make it with `vb-perception assets --out {cache_dir}`"
            raise ConfigError(msg)
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                images, panoramas = file["images"], file["panoramas"]
                names, places = file["names"].tolist(), file["panorama_names"].tolist()
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            msg = f"{path} is damaged ({error}); make it anew with `vb-perception assets --out {cache_dir}`"
            raise ConfigError(msg) from error
        kept = [i for i, name in enumerate(names) if is_held_out(name) == held_out]
        seen = [i for i, name in enumerate(places) if is_held_out(name) == held_out]
        return cls(images[kept], known([names[i] for i in kept]), panoramas[seen])


def pack_photographs(
    out: Path | str, size_px: int, jar: Path = SWEETHOME3D_JAR, hdri_folder: Path = hdri.SOURCE
) -> tuple[Path, Sequence[str]]:
    """Write what the installed packages carry, panoramas only where their package is there; the file and all names.

    The file appears whole or not at all.

    Raises:
        ConfigError: No package with photo textures is installed, or one is damaged.
    """
    images, names = photo_textures(size_px, jar)
    panoramas, places = np.zeros((0, hdri.HEIGHT_PX, 2 * hdri.HEIGHT_PX, 3), np.uint8), tuple[str, ...]()
    if hdri_folder.is_dir():
        panoramas, places = hdri.read_panoramas(hdri_folder)
    path = Path(out) / PHOTOS
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                images=images,
                names=np.array(names, np.str_),
                panoramas=panoramas,
                panorama_names=np.array(places, np.str_),
            )
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path, (*names, *places)

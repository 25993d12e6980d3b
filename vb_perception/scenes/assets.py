"""What scenes are made of beyond procedure: models of furniture and photographed surfaces, packed once into a cache."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes import library_file
from vb_perception.scenes.hdri import HEIGHT_PX
from vb_perception.scenes.library import Fold, LibraryModel, Place
from vb_perception.scenes.photo_cache import Photographs, pack_photographs
from vb_perception.scenes.photo_textures import PhotoTexture
from vb_perception.scenes.sweethome3d import IMAGE_SIZE_PX, SOURCE, ImageShelf, read_models

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT_CACHE = Path("cache/assets")
FURNITURE = "furniture.npz"
MAKE = "vb-perception assets"


@dataclass(frozen=True, slots=True, eq=False)
class SceneAssets:
    """Images (L, S, S, 3) uint8 for the renderer and what refers to them, limited to one fold.

    `photo_layers` are the images that show the surfaces `photo_textures`; the others belong to the models.
    `panoramas` (P, H, 2 H, 3) uint8 are photographed surroundings.
    """

    images: NDArray[np.uint8]
    models: tuple[LibraryModel, ...] = ()
    photo_layers: tuple[int, ...] = ()
    photo_textures: tuple[PhotoTexture, ...] = ()
    panoramas: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, HEIGHT_PX, 2 * HEIGHT_PX, 3), np.uint8))

    @classmethod
    def none(cls) -> "Self":
        """Nothing: scenes are then made of procedural shapes and patterns alone."""
        return cls(np.zeros((0, IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), np.uint8))

    @classmethod
    def read(cls, cache_dir: Path | str, fold: Fold) -> "Self":
        """The assets of one fold from a cache that `pack` wrote.

        Raises:
            ConfigError: A part of the cache is missing, damaged or of another version.
        """
        path = Path(cache_dir) / FURNITURE
        if not path.is_file():
            msg = f"{path} is missing; make it with `{MAKE} --out {cache_dir}`"
            raise ConfigError(msg)
        models, images = library_file.read(path)
        photos = Photographs.read(cache_dir, held_out=fold == "held_out")
        kept = [m for m in models if m.fold == fold]
        used = sorted({p.image for m in kept for p in m.parts if p.image is not None})
        number = {old: new for new, old in enumerate(used)}
        return cls(
            np.concatenate((images[used], photos.images)),
            tuple(_renumbered(m, number) for m in kept),
            tuple(range(len(used), len(used) + len(photos.images))),
            photos.textures,
            photos.panoramas,
        )

    def at(self, *places: Place) -> tuple[LibraryModel, ...]:
        """The models that stand or hang in one of these places."""
        return tuple(m for m in self.models if m.place in places)


def pack(out: Path | str, source: Path | str = SOURCE) -> str:
    """Read the libraries under `source` and the photographs of installed packages and write the cache; what it holds.

    Each file appears whole or not at all.  The same packages give the same contents.

    Raises:
        ConfigError: A package or trimesh is missing, a library is damaged, or the class table lacks a model.
    """
    shelf = ImageShelf()
    models = list(read_models(Path(source), shelf))
    path = Path(out) / FURNITURE
    library_file.write(path, models, _stacked(shelf.layers))
    photos, names = pack_photographs(out, IMAGE_SIZE_PX)
    size_mb = (path.stat().st_size + photos.stat().st_size) / 1e6
    return f"{out}: {len(models)} models of furniture, {len(names)} photographs, {size_mb:.1f} MB"


def _stacked(layers: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(layers) if layers else SceneAssets.none().images


def _renumbered(model: LibraryModel, number: dict[int, int]) -> LibraryModel:
    parts = tuple(replace(p, image=None if p.image is None else number[p.image]) for p in model.parts)
    return replace(model, parts=parts)

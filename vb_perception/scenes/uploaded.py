"""Packed solids on the graphics card, drawn with whichever program is given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.packed import PackedSolids

if TYPE_CHECKING:  # `render` imports moderngl, since only who renders needs it
    import moderngl


class UploadedSolids:
    """The solids of one scene on the card; `rows` is their texture, `release` gives everything back.

    `view` is the matrices (4, 4) by the names that the shaders give them.
    """

    def __init__(self, context: "moderngl.Context", packed: PackedSolids) -> None:
        self._context = context
        self._inputs = [
            (context.buffer(np.ascontiguousarray(array)), form, name)
            for array, form, name in (
                (packed.positions, "3f", "in_position"),
                (packed.normals, "3f", "in_normal"),
                (packed.uv, "2f", "in_uv"),
                (packed.numbers, "1f", "in_solid"),
            )
        ]
        self._seen = context.buffer(packed.seen) if packed.seen.size else None
        self._casting = context.buffer(packed.casting) if packed.casting.size else None
        self.rows = context.texture(packed.rows.shape[1::-1], 4, packed.rows.tobytes(), dtype="f4")

    def draw(self, program: "moderngl.Program", view: Mapping[str, NDArray[np.floating]], *run: int) -> None:
        """Draw what the camera may see, or a run of it (first index, indices)."""
        if self._seen is not None:
            self._render(program, view, self._seen, *(run or (0, -1)))

    def cast(self, program: "moderngl.Program", view: Mapping[str, NDArray[np.floating]]) -> None:
        """Draw what casts shadows."""
        if self._casting is not None:
            self._render(program, view, self._casting, 0, -1)

    def _render(
        self,
        program: "moderngl.Program",
        view: Mapping[str, NDArray[np.floating]],
        triangles: "moderngl.Buffer",
        first: int,
        count: int,
    ) -> None:
        """The linker drops the inputs and matrices that a program does not need: they are left out."""
        for name, matrix in view.items():
            if name in program:
                program[name] = tuple(matrix.T.ravel())  # OpenGL wants columns first
        array = self._context.vertex_array(program, [i for i in self._inputs if i[2] in program], triangles)
        array.render(vertices=count, first=first)
        array.release()

    def release(self) -> None:
        """Give the card's memory back."""
        for buffer in (*(i[0] for i in self._inputs), self._seen, self._casting):
            if buffer is not None:
                buffer.release()
        self.rows.release()

"""The bytes a result is made of, data and models: taken before anything is opened, and looked at again at the end."""

from dataclasses import dataclass
from pathlib import Path

from vb_perception.evaluation.contestants import model_digests
from vb_perception.evaluation.provenance import digest
from vb_perception.evaluation.result_files import written_into
from vb_perception.evaluation.settings import Settings


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Digests of the source and of what each contestant is made of."""

    data: str
    models: tuple[str, ...]

    def fingerprint(self, settings: Settings) -> str:
        """Of a result that was made of them."""
        return settings.fingerprint(self.data, *self.models)

    def changed(self, source: Path, settings: Settings, out: Path | None) -> list[str]:
        """A sentence on each that is not what it was: figures of two models, or bags, must not pass as one's."""
        now = ingredients(source, settings, out)
        again = "while it was evaluated; expected the same bytes from beginning to end, so run it again"
        pairs = zip(settings.contestants, self.models, now.models, strict=True)
        told = [f"{name}: {what} changed {again}" for (name, what), before, after in pairs if before != after]
        return [*told, *([] if now.data == self.data else [f"{source} changed {again}"])]


def ingredients(source: Path, settings: Settings, out: Path | None) -> Ingredients:
    """What there is now; what is written into `out` is no part of the source, even where it lies inside.

    Raises:
        ConfigError: an adapter cannot be used.
        OSError: the source cannot be read.
    """
    return Ingredients(digest(source, written_into(out) if out else ()), tuple(model_digests(settings)))

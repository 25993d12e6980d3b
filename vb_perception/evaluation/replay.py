"""Lock-step: every frame through the pipeline, none dropped, however long it takes."""

from collections.abc import Iterable, Iterator, Sequence

from vb_perception.frame import Frame, Perception
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import Task


def replay(
    frames: Iterable[tuple[Frame, Sample | None]], pipeline: PerceptionPipeline, tasks: Sequence[Task]
) -> Iterator[tuple[Perception, Sample | None]]:
    """Each frame's answers beside its truth, in order.  Raises what `PerceptionPipeline.perceive` raises."""
    for frame, truth in frames:
        yield pipeline.perceive(frame, tasks), truth


def sample_frames(samples: Iterable[Sample], period_ns: int = 66_666_667) -> Iterator[tuple[Frame, Sample]]:
    """Samples as camera frames with their truth, `period_ns` apart from stamp 0 on."""
    for i, sample in enumerate(samples):
        yield Frame(sample.rgb, i * period_ns, sample.name, sample.intrinsics), sample

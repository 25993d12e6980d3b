"""How fast a run learns as it goes on."""

from vb_perception.training.settings import TrainSettings


def learning_rate(settings: TrainSettings, images: int, spent_s: float = 0.0) -> float:
    """Linear warm-up, then the top rate, and over the last `cooldown` of the run a line down to 2 %, as a factor.

    Until the cool-down begins the run's length decides nothing, so a run can be resumed with another one.  The run
    ends after its images, or its seconds, whichever is sooner.
    """
    left = 1 - min(1.0, max(images / settings.total_images, spent_s / settings.most_s))
    warm = (images + 1) / max(settings.warmup_images, 1)
    return min(warm, max(0.02, min(1.0, left / settings.cooldown if settings.cooldown else 1.0)))

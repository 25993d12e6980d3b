"""What one image is asked, all of one moment: settings and listeners may change while it is in work."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from vb_perception.ros.outputs import Output, Wanted, tasks_of
from vb_perception.ros.publishing import Plan
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.stream_account import Ticket
from vb_perception.ros.viewport import Viewport
from vb_perception.tasks import Task


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """Plan and settings, the outputs that somebody hears, and the tickets that the image shall answer.

    `off`: names of the tasks that are switched off.  `listened`: whether anybody would hear an output that is only not
    due.
    """

    plan: Plan
    settings: CameraSettings
    viewport: Viewport
    off: AbstractSet[str]
    wanted: Wanted
    listened: bool
    tickets: list[Ticket]

    def tasks(self, wanted: Wanted) -> tuple[Task, ...]:
        """The tasks that these outputs need; for a ticket all that are on."""
        if self.tickets:
            return tuple(task for task in self.plan.tasks if task.name not in self.off)
        return tasks_of(wanted)


def is_due(output: Output, every: Mapping[str, int], frames: int) -> bool:
    """Whether it is due after so many frames: as often as the slowest of its tasks, of which all run then."""
    # To wait for a frame in which each is due by itself would be rarer: second and third meet in every sixth.
    return frames % max(every.get(task.name, 1) for task in output.tasks) == 0

"""Free text to Task: the paper's prompt forms, and orders such as "Segment the mugs in red, the table in #00FF00"."""

from vb_perception.instructions.clauses import ACCEPTED_FORMS
from vb_perception.instructions.reading import task_from_text

__all__ = ["ACCEPTED_FORMS", "task_from_text"]

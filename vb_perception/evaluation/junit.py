"""The verdict as JUnit XML: what a CI system shows as tests."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from vb_perception.evaluation.criteria import Verdict
from vb_perception.evaluation.outcome import write_whole


def write_junit(path: Path, source: str, verdicts: Sequence[Verdict], problems: Sequence[str], seconds: float) -> None:
    """One test a criterion, and one that says whether the source was evaluated without a problem.

    Format: the "junit-10" schema of Jenkins' xUnit plug-in, as GitLab, Jenkins and GitHub actions read it.
    """
    failed = sum(not v.passed for v in verdicts) + bool(problems)
    counts = {"tests": str(len(verdicts) + 1), "failures": str(failed), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", counts | {"name": "vb-perception evaluate"})
    suite = ET.SubElement(suites, "testsuite", counts | {"name": _clean(source), "time": f"{seconds:.3f}"})
    whole = ET.SubElement(suite, "testcase", {"classname": "evaluation", "name": "evaluated without a problem"})
    if problems:
        failure = ET.SubElement(whole, "failure", {"message": _clean(problems[0])})
        failure.text = _clean("\n".join(problems))
    for verdict in verdicts:
        case = ET.SubElement(suite, "testcase", {"classname": "criteria", "name": str(verdict.criterion)})
        if not verdict.passed:
            ET.SubElement(case, "failure", {"message": _clean(verdict.sentence)})
    ET.indent(suites)
    write_whole(path, ET.tostring(suites, encoding="unicode", xml_declaration=True))


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)

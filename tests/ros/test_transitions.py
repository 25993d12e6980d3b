"""Transitions that do not fit the node's state are refused in words, and the node goes on."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from std_srvs.srv import Trigger

from tests.ros.bench import Bench


def _change(bench: Bench, transition: int = 0, label: str = "") -> bool:
    request = ChangeState.Request(transition=Transition(id=transition, label=label))
    return bool(bench.call(ChangeState, "change_state", request).success)


def _state(bench: Bench) -> int:
    return int(bench.call(GetState, "get_state", GetState.Request()).current_state.id)


@pytest.mark.parametrize(
    ("number", "label", "told"),
    [
        (Transition.TRANSITION_CONFIGURE, "", "transition (1) was asked for"),
        (Transition.TRANSITION_ON_CONFIGURE_SUCCESS, "", "transition (10) was asked for"),
        (255, "", "transition (255) was asked for"),
        (0, "activate", "transition activate (0) was asked for"),
    ],
    ids=["configure", "inner", "none", "label"],
)
def test_what_does_not_fit_an_active_node_is_refused(
    bench: Bench, capfd: pytest.CaptureFixture[str], number: int, label: str, told: str
) -> None:
    bench.watch()
    bench.listen("depth/image_rect")
    bench.add_node()
    assert not _change(bench, number, label)
    printed = capfd.readouterr().err
    assert told in printed
    assert "the node is active, expected deactivate (4), shutdown (7); a lifecycle manager needs" in printed
    assert _state(bench) == State.PRIMARY_STATE_ACTIVE
    bench.connect()
    bench.send()
    bench.spin_until(bench.processed(1), "it goes on with its work")


def test_a_label_is_as_good_as_a_number(bench: Bench) -> None:
    bench.add_node()
    assert _change(bench, label="deactivate")
    assert _state(bench) == State.PRIMARY_STATE_INACTIVE
    assert _change(bench, label="shutdown")
    assert _state(bench) == State.PRIMARY_STATE_FINALIZED


def test_a_node_that_was_shut_down_refuses_whatever_comes(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.watch()
    bench.add_node()
    assert _change(bench, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    bench.spin_until_status(DiagnosticStatus.OK, "finalized")
    answer = bench.call(Trigger, "recover", Trigger.Request())
    assert not answer.success
    assert "the node was shut down by a transition, which nothing undoes" in answer.message
    assert not _change(bench, Transition.TRANSITION_CONFIGURE)
    assert "the node is finalized, expected none any more: start it again" in capfd.readouterr().err

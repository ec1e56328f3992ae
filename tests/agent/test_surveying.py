import numpy as np
import pytest

from agent.learning.measures.calibration import Calibration
from agent.learning.measures.novelty import Yardstick
from agent.learning.measures.track_record import Checkpoint, TrackRecord
from agent.learning.outcomes import Figures
from agent.surveying import can_tell


def figures(select: int = 0, classes: int = 0) -> Figures:
    return Figures(
        learned=10,
        classes=classes,
        select=select,
        judge=0,
        exemplars=0,
        exemplar_bytes=0,
        window=0,
        window_correct=0,
        window_last_label_correct=0,
    )


def record(held: int) -> TrackRecord:
    made = TrackRecord()
    stick = Yardstick(0.05, np.zeros(held, np.float32))
    made.checkpoint(Checkpoint({"a": (held, held)}, Calibration(held), stick))
    return made


@pytest.mark.parametrize(
    ("classes", "words"), [(7, "The starter head answers for 7 classes"), (0, "No class is known")]
)
def test_without_a_label_it_says_what_cannot_be_known(classes: int, words: str) -> None:
    said = can_tell(figures(classes=classes), TrackRecord(), 0, 0.05, calibrated=False)
    assert "No label was given" in said
    assert words in said
    assert "cannot be told without labels" in said


def test_with_nothing_held_out_accuracy_on_new_scenes_stays_unknown() -> None:
    said = can_tell(figures(), TrackRecord(), 12, 0.05, calibrated=False)
    assert "12 labels" in said
    assert "Nothing is held out yet" in said


def test_too_few_held_out_samples_say_how_many_it_takes() -> None:
    said = can_tell(figures(18), record(18), 90, 0.05, calibrated=False)
    assert "a rate of 5.0% takes 19 held-out samples" in said
    assert "not calibrated yet" in said
    assert "±12 points" in said


def test_enough_held_out_samples_tell() -> None:
    said = can_tell(figures(400), record(400), 4000, 0.05, calibrated=True)
    assert "told at a false-alarm rate of 5.0%" in said
    assert "not calibrated" not in said


def test_lost_figures_are_owned_up_to() -> None:
    made = record(40)
    made.loss = "damaged"
    assert "track record was damaged" in can_tell(figures(40), made, 90, 0.05, calibrated=True)

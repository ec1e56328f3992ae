import threading

import numpy as np

from demonstration.asking import asking

IMAGES = [np.zeros((2, 2, 3), np.uint8)]


def test_an_answer_that_does_not_come_is_counted_and_asking_goes_on() -> None:
    asked = threading.Semaphore(0)

    def predict(_image: object) -> None:
        asked.release()
        raise ConnectionError("the device is gone")

    with asking(predict, IMAGES) as answers:
        for _ in range(3):
            assert asked.acquire(timeout=60)
    assert answers.predictions >= 3
    assert len(answers.failures) == answers.predictions
    assert set(answers.failures) == {"the device is gone"}


def test_after_leaving_nothing_is_asked_any_more() -> None:
    with asking(lambda _image: None, IMAGES) as answers:
        pass
    before = answers.predictions
    assert not [each for each in threading.enumerate() if each.name == "asking"]
    assert answers.predictions == before

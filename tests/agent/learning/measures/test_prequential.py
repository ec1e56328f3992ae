from agent.learning.measures.prequential import Window


def test_outcomes_of_head_and_last_label_are_counted() -> None:
    window = Window()
    for label, predicted in [("a", ""), ("a", "a"), ("b", "a"), ("b", "b"), ("a", "a")]:
        window = window.after(label, predicted, 500)
    assert (window.samples, window.correct, window.last_label_correct) == (5, 3, 2)


def test_only_the_last_samples_count() -> None:
    window = Window()
    for number in range(20):
        window = window.after("a", "a" if number < 15 else "b", 10)
    assert (window.samples, window.correct, window.last_label_correct) == (10, 5, 10)


def test_a_window_resumes_from_what_was_stored() -> None:
    window = Window().after("a", "a", 9).after("b", "a", 9)
    again = Window(window.outcomes, window.last_label).after("b", "b", 9)
    assert (again.correct, again.last_label_correct) == (2, 1)


def test_a_shorter_window_drops_the_oldest() -> None:
    window = Window().after("a", "a", 9).after("b", "b", 9).after("b", "x", 2)
    assert (window.samples, window.correct) == (2, 1)


def test_the_total_counts_what_the_window_has_forgotten() -> None:
    window = Window()
    for number in range(20):
        window = window.after("a", "a" if number < 15 else "b", 10)
    assert (window.total.samples, window.total.correct) == (20, 15)
    assert window.total.last_label_correct == 19

import threading

from agent.sources.queue import NewestQueue


def test_the_newest_win_and_what_makes_room_is_counted() -> None:
    queue: NewestQueue[int] = NewestQueue(3)
    for number in range(10):
        queue.put(number)
    assert [queue.take(0) for _ in range(4)] == [7, 8, 9, None]
    assert queue.dropped == 7


def test_nothing_is_dropped_while_there_is_room() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    for number in range(10):
        queue.put(number)
        assert queue.take(0) == number
    assert queue.dropped == 0


def test_what_is_held_at_the_end_can_still_be_taken_and_nothing_comes_after() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    queue.put(1)
    queue.close()
    queue.put(2)
    assert not queue.is_over
    assert queue.take(0) == 1
    assert queue.is_over
    assert queue.dropped == 0


def test_who_waits_is_woken_by_an_item_and_by_the_end() -> None:
    queue: NewestQueue[int] = NewestQueue(1)
    taken: list[int | None] = []
    for deed in (lambda: queue.put(5), queue.close):
        taker = threading.Thread(target=lambda: taken.append(queue.take(60)))
        taker.start()
        deed()
        taker.join(30)
        assert not taker.is_alive()
    assert taken == [5, None]


def test_between_threads_every_item_is_taken_or_counted() -> None:
    queue: NewestQueue[int] = NewestQueue(4)
    taken: list[int] = []

    def take_all() -> None:
        while not queue.is_over:
            if (item := queue.take(1)) is not None:
                taken.append(item)

    taker = threading.Thread(target=take_all)
    taker.start()
    for number in range(5000):
        queue.put(number)
    queue.close()
    taker.join(30)
    assert len(taken) + queue.dropped == 5000
    assert taken == sorted(taken)
    assert taken[-1] == 4999

"""Requests that wait share a call, and one bad request spoils none of the others."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from weighbridge.serving.batching import Batcher
from weighbridge.serving.encode import Encoded


class Model:
    """Doubles; waits where it is told to; raises on 13; counts the rows of its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, parts):
        rows = np.concatenate([part.payload for part in parts])
        self.calls.append(len(rows))
        assert self.gate.wait(30)
        if 13 in rows:
            raise ValueError("unlucky")
        return {"y": rows * 2}


def part(*values, key=()):
    return Encoded(len(values), np.array(values), key)


def run(model, parts, *, threads=1, max_rows=64, delay_s=0.0, before=None):
    """Answers of all parts; `before` is called when all of them wait."""

    async def main():
        with ThreadPoolExecutor(threads) as executor:
            batcher = Batcher(model, executor, threads, max_rows, delay_s)
            answers = [asyncio.ensure_future(batcher.submit(each)) for each in parts]
            await asyncio.sleep(0.05)
            if before is not None:
                before()
            return await asyncio.gather(*answers, return_exceptions=True)

    return asyncio.run(main())


def test_alone_a_request_is_called_at_once_and_busy_those_that_wait_share_the_next_call():
    model = Model()
    model.gate.clear()
    answers = run(model, [part(index) for index in range(20, 40)], before=model.gate.set)
    assert [answer["y"].tolist() for answer in answers] == [[2 * index] for index in range(20, 40)]
    assert model.calls == [1, 19]


def test_a_call_has_no_more_rows_than_allowed_and_a_longer_request_goes_alone():
    model = Model()
    model.gate.clear()
    parts = [part(0), part(1, 2, 3), part(4, 5, 6), part(*range(10)), part(7)]
    answers = run(model, parts, max_rows=4, before=model.gate.set)
    assert [answer["y"].tolist() for answer in answers] == [(2 * each.payload).tolist() for each in parts]
    assert sorted(model.calls) == [1, 1, 3, 3, 10] or max(model.calls) == 10
    assert all(rows <= 4 or rows == 10 for rows in model.calls)


def test_requests_of_other_parameters_do_not_share_a_call():
    model = Model()
    model.gate.clear()
    parts = [part(0), part(1, key="k=1"), part(2, key="k=2"), part(3, key="k=1")]
    answers = run(model, parts, before=model.gate.set)
    assert [answer["y"].tolist() for answer in answers] == [[0], [2], [4], [6]]
    assert model.calls == [1, 2, 1]


def test_one_bad_request_of_a_batch_fails_alone():
    model = Model()
    model.gate.clear()
    answers = run(model, [part(0), part(1), part(13), part(2)], before=model.gate.set)
    assert isinstance(answers[2], ValueError)
    assert [answers[index]["y"].tolist() for index in (0, 1, 3)] == [[0], [2], [4]]


def test_a_model_without_a_value_per_row_is_called_request_by_request():
    calls = []

    def whole(parts):
        calls.append(len(parts))
        return {"total": np.array(sum(each.payload.sum() for each in parts))}

    model = Model()
    model.gate.clear()

    def call(parts):
        model.gate.wait(30)
        return whole(parts)

    answers = run(call, [part(1), part(2, 3), part(4)], before=model.gate.set)
    assert [int(answer["total"]) for answer in answers] == [1, 5, 4]


def test_a_delay_gathers_requests_and_is_bounded():
    model = Model()
    began = time.monotonic()
    answers = run(model, [part(1), part(2)], delay_s=0.2)
    assert [answer["y"].tolist() for answer in answers] == [[2], [4]]
    assert model.calls == [2]
    assert time.monotonic() - began >= 0.2
    model = Model()
    run(model, [part(1), part(2)], delay_s=30.0, max_rows=2)  # full: nobody is waited for
    assert model.calls == [2]


def test_several_threads_call_at_once():
    model = Model()
    model.gate.clear()
    answers = run(model, [part(1), part(2), part(3)], threads=2, before=model.gate.set)
    assert [answer["y"].tolist() for answer in answers] == [[2], [4], [6]]
    assert model.calls == [1, 1, 1]


def test_who_waits_no_more_is_not_called_for():
    model = Model()
    model.gate.clear()

    async def main():
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(model, executor, 1, 64)
            first = asyncio.ensure_future(batcher.submit(part(1)))
            gone = asyncio.ensure_future(batcher.submit(part(2)))
            await asyncio.sleep(0.05)
            gone.cancel()
            await asyncio.sleep(0)
            model.gate.set()
            assert (await first)["y"].tolist() == [2]
            with pytest.raises(asyncio.CancelledError):
                await gone

    asyncio.run(main())
    assert model.calls == [1]

"""Following production: what answers changes in one step, and a bad version never takes the place of a good one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.weighbridge.serving.helpers import metrics, release, served, settings
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.serving.follow import Follower
from weighbridge.serving.rows import from_instances
from weighbridge.serving.slot import Slot


class Source:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.says: object = release(1)
        self.loads: list[int] = []
        self.fails: Exception | None = None
        self.now = 0.0

    def newest(self):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def load(self, _, found, __):
        self.loads.append(found.version)
        if self.fails is not None:
            raise self.fails
        return served(found.version, found.digest[-1])


@pytest.fixture
def world():
    counted, registry = metrics()
    slot, source = Slot(counted), Source()
    with ThreadPoolExecutor(2) as executor:
        follower = Follower(source, settings(), slot, counted, executor, source.load, lambda: source.now)

        def count(result: str) -> float:
            return registry.get_sample_value("weighbridge_swaps_total", {"model": "taxi", "result": result})

        yield slot, source, follower, count, registry


def test_a_new_version_takes_over_and_the_old_one_is_freed_when_its_last_request_is_answered(world):
    slot, source, follower, count, _ = world

    async def main():
        await follower.first()
        old = slot.current
        assert await follower.look() is False
        with slot.taken() as mine:
            source.says = release(2, "b")
            assert await follower.look() is True
            assert slot.version == "2"
            await asyncio.sleep(0)
            answer = await mine.answer(mine.encoder.encode(from_instances([{"x": 4}]), {}))
            assert answer["y"].tolist() == [8.0]  # begun by version 1, answered by version 1
        await asyncio.sleep(0.01)
        assert not hasattr(old, "loaded")

    asyncio.run(main())
    assert source.loads == [1, 2]
    assert (count("swapped"), count("refused")) == (1, 0)


def test_a_version_that_cannot_be_served_is_refused_once_and_told(world, caplog):
    slot, source, follower, count, _ = world

    async def main():
        await follower.first()
        source.says, source.fails = release(2, "b"), UsageError("its bytes are others")
        assert [await follower.look() for _ in range(3)] == [False, False, False]
        assert slot.version == "1"
        source.says, source.fails = release(3, "c"), None
        assert await follower.look() is True

    asyncio.run(main())
    assert source.loads == [1, 2, 3]  # a refused one is not tried at every look
    assert (count("swapped"), count("refused")) == (1, 1)
    assert "version 2 is refused, version 1 goes on: its bytes are others" in caplog.text


def test_a_crash_while_loading_refuses_that_version_alone(world):
    slot, source, follower, count, _ = world

    async def main():
        await follower.first()
        source.says, source.fails = release(2, "b"), RuntimeError("segfault in somebody's op")
        assert await follower.look() is False

    asyncio.run(main())
    assert slot.version == "1"
    assert count("refused") == 1


def test_a_store_out_of_reach_changes_nothing_and_is_tried_again(world):
    slot, source, follower, count, registry = world

    async def main():
        await follower.first()
        source.says = InfrastructureError("gs:// does not answer")
        assert await follower.look() is False
        source.says = ValueError("half a record")
        assert await follower.look() is False
        source.says, source.fails = release(2, "b"), InfrastructureError("the download broke off")
        assert await follower.look() is False
        assert slot.version == "1"
        source.fails = None
        assert await follower.look() is True

    asyncio.run(main())
    assert source.loads == [1, 2, 2]
    assert registry.get_sample_value("weighbridge_watch_errors_total", {"model": "taxi"}) == 3
    assert count("refused") == 0


def test_going_back_to_an_earlier_version_is_a_change_as_any_other(world):
    slot, source, follower, _, _ = world

    async def main():
        source.says = release(2, "b")
        await follower.first()
        source.says = release(1, "a")
        assert await follower.look() is True

    asyncio.run(main())
    assert slot.version == "1"


def test_without_a_first_version_there_is_no_server(world):
    _, source, follower, _, _ = world
    source.fails = UsageError("it cannot be loaded")
    with pytest.raises(UsageError, match="cannot be loaded"):
        asyncio.run(follower.first())


def test_a_refused_version_is_tried_again_after_a_while_ever_more_rarely(world):
    slot, source, follower, count, _ = world
    minutes = []

    async def main():
        await follower.first()
        source.says, source.fails = release(2, "b"), UsageError("the key is not here")
        for minute in range(4 * 60):
            source.now = 60.0 * minute
            before = len(source.loads)
            assert await follower.look() is False
            minutes.extend([minute] * (len(source.loads) - before))
        source.fails = None  # the key was brought
        source.now += 3600
        assert await follower.look() is True

    asyncio.run(main())
    assert minutes == [0, 2, 6, 14, 30, 62, 122, 182]
    assert slot.version == "2"
    assert (count("swapped"), count("refused")) == (1, len(minutes))


def test_another_version_is_tried_at_once_and_a_refused_one_anew_after_it(world):
    slot, source, follower, _, _ = world

    async def main():
        await follower.first()
        source.says, source.fails = release(2, "b"), UsageError("no")
        assert await follower.look() is False
        source.says, source.fails = release(3, "c"), None
        assert await follower.look() is True
        source.says = release(2, "b")
        assert await follower.look() is True

    asyncio.run(main())
    assert slot.version == "2"

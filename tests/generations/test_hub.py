"""What the hub keeps for a stream until it is ready to send."""

import asyncio

import pytest

from generations.live.hub import PENDING_MOST, Change, Hub


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        ("team clip", Change("team", "clip")),
        ("team clip line", Change("team", "clip", moves_line=True)),
        ("team clip other", Change("team", "clip")),
        ("", None),
        ("team", None),
        ("a b c d", None),
    ],
)
def test_announcements_are_read_and_nonsense_is_not(payload: str, change: Change | None) -> None:
    assert Change.read(payload) == change


def test_changes_are_kept_together_until_they_are_asked_for() -> None:
    async def play() -> None:
        hub = Hub()
        with (
            hub.subscribed("team") as all_clips,
            hub.subscribed("team", "b") as one,
            hub.subscribed("x") as other,
        ):
            for clip in ("a", "b", "a"):
                hub.publish(Change("team", clip))
            assert (await all_clips.news(within=0)).clips == {"a", "b"}
            assert (await one.news(within=0)).clips == {"b"}
            assert await other.news(within=0.01) is None
            assert await all_clips.news(within=0.01) is None

    asyncio.run(play())


def test_who_falls_far_behind_is_told_to_look_at_everything() -> None:
    async def play() -> None:
        hub = Hub()
        with hub.subscribed("team") as slow:
            for number in range(PENDING_MOST + 10):
                hub.publish(Change("team", str(number)))
            news = await slow.news(within=0)
            assert (news.everything, news.clips) == (True, set())
            hub.publish(Change("team", "a"))
            assert (await slow.news(within=0)).clips == {"a"}

    asyncio.run(play())


def test_a_closed_stream_wakes_and_one_that_ended_leaves_nothing_behind() -> None:
    async def play() -> None:
        hub = Hub()
        with hub.subscribed("team") as stream:
            hub.close()
            await stream.news(within=1)
            assert stream.is_closed
            assert list(hub) == [stream]
            with hub.subscribed("team") as late:
                assert late.is_closed
        assert list(hub) == []
        hub.publish(Change("team", "a"))

    asyncio.run(play())

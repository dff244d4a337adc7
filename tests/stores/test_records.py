"""Records of owners, bounded by number and size, and files in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from mockserver.stores.protocol import Record, Room, Store
from tests.stores.conftest import OpenStore
from tests.stores.drafts import KEYS, NOW, TEAMS

WIDE = Room(100, 10_000)


def record(id_: str, *, owner: str = "ann", kind: str = "upload", size: int = 1, lasts_s: float = 60.0) -> Record:
    return Record(kind, id_, owner, f"value of {id_}".encode(), NOW + lasts_s, size)


async def test_a_record_is_there_until_it_expires(store: Store) -> None:
    await store.put_record(record("a"), WIDE)
    found = [await store.record("upload", "a", NOW + s) for s in (0, 59.9, 60)]
    assert found == [("ann", b"value of a"), ("ann", b"value of a"), None]
    assert [await store.record(kind, id_, NOW) for kind, id_ in (("asset", "a"), ("upload", "b"))] == [None, None]


async def test_of_too_many_the_oldest_of_the_owner_leave_for_the_new_one(store: Store) -> None:
    room = Room(2, 100)
    left = [await store.put_record(record(id_), room) for id_ in ("b", "a", "c")]
    left.append(await store.put_record(record("d", owner="bob"), room))
    left.append(await store.put_record(record("e", kind="asset"), room))
    assert left == [[], [], ["b"], [], []]
    assert [await store.record("upload", id_, NOW) is not None for id_ in "abcd"] == [True, False, True, True]


async def test_of_what_is_too_large_together_as_many_leave_as_make_room(store: Store) -> None:
    room = Room(10, 10)
    left = [await store.put_record(record(id_, size=size), room) for id_, size in (("a", 4), ("b", 4), ("c", 9))]
    assert left == [[], [], ["a", "b"]]


async def test_one_that_is_too_large_alone_stays_and_all_others_leave(store: Store) -> None:
    room = Room(10, 10)
    await store.put_record(record("a", size=4), room)
    assert await store.put_record(record("b", size=99), room) == ["a"]
    assert await store.record("upload", "b", NOW) is not None


async def test_a_record_that_is_changed_keeps_its_place_and_stays_itself(store: Store) -> None:
    for id_ in ("a", "b"):
        await store.put_record(record(id_, size=4), Room(10, 10))
    assert await store.put_record(record("a", size=8)._replace(value=b"new"), Room(10, 10)) == ["b"]
    assert await store.record("upload", "a", NOW) == ("ann", b"new")
    await store.put_record(record("c"), Room(10, 10))
    assert await store.put_record(record("d"), Room(2, 10)) == ["a"]


async def test_records_that_have_expired_are_named_once_and_forgotten(store: Store) -> None:
    for id_, lasts_s in (("a", 5.0), ("b", 60.0), ("c", 3.0)):
        await store.put_record(record(id_, lasts_s=lasts_s), WIDE)
    await store.put_record(record("d", kind="asset", lasts_s=1.0), WIDE)
    assert await store.expired_records("upload", NOW + 2) == []
    assert sorted(await store.expired_records("upload", NOW + 5)) == ["a", "c"]
    assert await store.expired_records("upload", NOW + 5) == []
    assert await store.put_record(record("e"), Room(2, 10)) == []


async def test_a_crowd_that_has_expired_is_forgotten_in_handfuls(store: Store) -> None:
    for number in range(1001):
        await store.put_record(record(str(number)), Room(10_000, 10_000))
    handfuls = [await store.expired_records("upload", NOW + 60) for _ in range(3)]
    assert [len(ids) for ids in handfuls] == [1000, 1, 0]
    assert len({id_ for ids in handfuls for id_ in ids}) == 1001


async def test_a_file_is_kept_in_pieces_until_it_is_dropped(store: Store) -> None:
    for number, piece in enumerate((b"one", b"two", b"x" * 100_000)):
        await store.put_piece("file", number, piece)
    await store.put_piece("other", 0, b"another")
    await store.put_piece("file", 1, b"zwei")
    assert [await store.piece("file", number) for number in range(4)] == [b"one", b"zwei", b"x" * 100_000, None]
    await store.drop_blob("file")
    assert [await store.piece(blob, 0) for blob in ("file", "other")] == [None, b"another"]


async def test_a_reset_forgets_records_and_files(store: Store) -> None:
    await store.put_record(record("a"), WIDE)
    await store.put_piece("file", 0, b"x")
    await store.reset(TEAMS, KEYS)
    assert (await store.record("upload", "a", NOW), await store.piece("file", 0)) == (None, None)
    assert await store.expired_records("upload", NOW + 99) == []


steps = st.tuples(st.integers(0, 5), st.sampled_from(["ann", "bob"]), st.integers(0, 6))


@given(script=st.lists(steps, max_size=20), most=st.integers(1, 3), most_size=st.integers(1, 10))
async def test_whatever_is_put_those_stay_that_there_is_room_for(
    open_store: OpenStore, script: list[tuple[int, str, int]], most: int, most_size: int
) -> None:
    async with open_store() as store:
        kept: dict[str, tuple[str, int]] = {}
        for number, owner, size in script:
            id_ = str(number)
            if kept.get(id_, (owner, size))[0] != owner:
                del kept[id_]
            kept[id_] = (owner, size)
            own = [other for other, (its_owner, _) in kept.items() if its_owner == owner]
            leave = []
            for other in own:
                rest = [kept[each][1] for each in own if each not in leave]
                if len(rest) > most or sum(rest) > most_size:
                    leave += [other] if other != id_ else []
            assert await store.put_record(record(id_, owner=owner, size=size), Room(most, most_size)) == leave
            for other in leave:
                del kept[other]
        there = {str(number) for number in range(6) if await store.record("upload", str(number), NOW) is not None}
        assert there == kept.keys()

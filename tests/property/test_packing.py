from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.loader import Loader
from spanbert.batches.packed import pack
from spanbert.batches.plan import PackingPlan, PlanPosition, pack_lengths
from spanbert.batches.windows import cut_windows
from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_generator
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore


@settings(max_examples=300, deadline=None)
@given(word_starts=st.lists(st.booleans(), max_size=400), limit=st.integers(1, 60))
def test_cutting_covers_everything_at_word_boundaries(word_starts: list[bool], limit: int):
    cuts = cut_windows(np.array(word_starts, dtype=bool), limit)
    assert [piece for start, end in cuts for piece in range(start, end)] == list(range(len(word_starts)))
    assert all(0 < end - start <= limit for start, end in cuts)
    for start, end in cuts[:-1]:
        if not word_starts[end]:
            assert not any(word_starts[start + 1 : end + 1]), "a word that would fit was cut"
            assert end - start == limit


@settings(max_examples=200, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 64), min_size=1, max_size=500),
    capacity=st.integers(64, 300),
    seed=st.integers(0, 99),
)
def test_packs_hold_every_segment_once(lengths: list[int], capacity: int, seed: int):
    packs = pack_lengths(np.array(lengths), capacity, keyed_generator(seed))
    assert sorted(index for members in packs for index in members) == list(range(len(lengths)))
    assert all(sum(lengths[index] for index in members) <= capacity for members in packs)
    assert packs == pack_lengths(np.array(lengths), capacity, keyed_generator(seed))
    for members in packs:
        assert [lengths[index] for index in members] == sorted((lengths[index] for index in members), reverse=True)


@settings(max_examples=100, deadline=None)
@given(sequences=st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=20), min_size=1, max_size=20))
def test_packed_batches_unpack(sequences: list[list[int]]):
    batch = pack(sequences)
    bounds = batch.cu_seqlens.tolist()
    assert [batch.ids_T[a:b].tolist() for a, b in pairwise(bounds)] == sequences
    assert [batch.positions_T[a:b].tolist() for a, b in pairwise(bounds)] == [
        list(range(len(sequence))) for sequence in sequences
    ]
    assert batch.longest == max(map(len, sequences))


def test_packing_bad_sequences():
    with pytest.raises(InputError, match="nothing to pack"):
        pack([])
    with pytest.raises(InputError, match=r"sequences\[1\]: an empty segment"):
        pack([[1], []])
    with pytest.raises(InputError, match="token_types"):
        pack([[1, 2]], token_types=[[0]])
    assert pack([[1, 2], [3]], token_types=[[0, 1], [1]]).token_types_T.tolist() == [0, 1, 1]


@pytest.fixture
def plan(store_path: Path) -> PackingPlan:
    return PackingPlan(TokenStore(store_path), segment_length=32, pack_tokens=256, seed=1, packs=4)


def names(packs) -> list[tuple]:
    return [(one.epoch, *(segment.key for segment in one.segments)) for one in packs]


def test_an_epoch_holds_every_piece_once(plan: PackingPlan):
    assert plan.windows > 1
    for epoch in (0, 1):
        pieces = [
            (*segment.key[:2], segment.key[2] + offset)
            for one in plan.epoch_packs(epoch) for segment in one.segments for offset in range(len(segment.ids))
        ]  # fmt: skip
        assert len(pieces) == len(set(pieces)) == plan.store.count("train", "pieces")
    assert names(plan.epoch_packs(0)) != names(plan.epoch_packs(1))
    assert names(plan.epoch_packs(0)) == names(plan.epoch_packs(0))


def sources(tmp_path: Path, vocabulary_file: Path, sizes: tuple[int, ...]) -> TokenStore:
    """A store of several sources, one after the other, with a shard or more for each."""
    for number, size in enumerate(sizes):
        (tmp_path / f"{number}.txt").write_text("\n\n".join(["the old fox sees a dog ."] * size))
    files = [tmp_path / f"{number}.txt" for number in range(len(sizes))]
    prepare(files, tokenizer=vocabulary_file, out=tmp_path / "sources", held_out=0.0, shard_pieces=700)
    return TokenStore(tmp_path / "sources")


@pytest.mark.parametrize("window_shards", [1, 2, 100])
def test_sources_are_mixed_from_the_first_step_on(tmp_path: Path, vocabulary_file: Path, window_shards: int):
    store = sources(tmp_path, vocabulary_file, (400, 100, 100))
    counts = [len(list(store.shard(name).documents())) for name in store.shard_names("train")]
    assert len(counts) >= 6
    numbers = {one.id: int(one.id.rpartition("/")[2][0]) for one in store.documents("train")}
    ids = {(name, place): one.id for name in store.shard_names("train")
           for place, one in enumerate(store.shard(name).documents())}  # fmt: skip
    plan = PackingPlan(store, segment_length=16, pack_tokens=64, seed=3, window_shards=window_shards)
    read = [numbers[ids[segment.key[:2]]] for one in plan.epoch_packs(0) for segment in one.segments]
    assert len(read) == 600
    for part in (read[:90], read[-90:]):
        found = np.bincount(part, minlength=3) / 90
        assert found == pytest.approx([4 / 6, 1 / 6, 1 / 6], abs=0.15)


def test_windows_need_not_have_a_document_of_every_shard(tmp_path: Path, vocabulary_file: Path):
    (tmp_path / "a.txt").write_text("\n\n".join(["the old fox sees a dog ."] * 5))
    prepare([tmp_path / "a.txt"], tokenizer=vocabulary_file, out=tmp_path / "few", held_out=0.0, shard_pieces=1)
    plan = PackingPlan(TokenStore(tmp_path / "few"), segment_length=16, pack_tokens=16)
    assert plan.windows == 5
    read = [segment.key[:2] for one in plan.epoch_packs(0) for segment in one.segments]
    assert len(read) == len(set(read)) == 5


def test_chosen_documents_are_those_of_the_numbers(store_path: Path):
    store = TokenStore(store_path)
    shard = store.shard(store.shard_names("train")[0])
    whole = [one.id for one in shard.documents()]
    for numbers in ([0], [1, 3, len(whole) - 1], [], range(len(whole))):
        found = [(number, one.id) for number, one in shard.chosen(np.array(numbers, dtype=np.int64))]
        assert found == [(number, whole[number]) for number in numbers]


def test_a_document_keeps_no_memory_of_its_neighbours(store_path: Path):
    """A window has some documents of every shard: what they kept of their batches would be bytes of the whole store."""
    store = TokenStore(store_path)
    for one in store.documents("train"):
        base = one.word_starts.base
        assert base is None or getattr(base, "nbytes", 0) <= one.word_starts.nbytes


def test_packs_are_nearly_full(plan: PackingPlan):
    sizes = [sum(len(segment.ids) + 2 for segment in one.segments) for one in plan.epoch_packs(0)]
    assert np.mean(sizes) > 0.9 * 256


def test_the_stream_goes_on_from_any_position(plan: PackingPlan):
    whole = list(islice(plan.stream(PlanPosition()), 150))
    assert whole[-1].epoch >= 1
    for number in (0, 1, 20, 76, 100):
        rest = list(islice(plan.stream(whole[number].after), 150 - number - 1))
        assert names(rest) == names(whole[number + 1 :])


def test_loader_state_is_the_plan_position(plan: PackingPlan):
    whole = list(islice(Loader(plan, names, accumulation=2), 60))
    assert all(len(step.micro_batches) == 2 for step in whole)
    resumed = islice(Loader(plan, names, accumulation=2, start=whole[29].after), 30)
    assert [step.micro_batches for step in resumed] == [step.micro_batches for step in whole[30:]]
    assert all(step.tokens > 3 * 200 for step in whole), "the last step of an epoch takes packs from the next"


def test_loader_refuses_and_passes_errors_on(plan: PackingPlan):
    with pytest.raises(InputError, match="accumulation must divide"):
        Loader(plan, names, accumulation=3)

    def broken(packs):
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        next(iter(Loader(plan, broken)))


def test_plan_refuses_what_does_not_fit(store_path: Path):
    with pytest.raises(InputError, match="lengths that do not fit"):
        PackingPlan(TokenStore(store_path), segment_length=300, pack_tokens=256)

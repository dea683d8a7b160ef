"""METEOR's behaviour that needs no oracle: properties, odd texts, errors."""

import dataclasses
import gzip
import logging
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import snowballstemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError, MissingPartError
from rrgbench.metrics.meteor import Meteor, matching, normalizer, resources, scoring, stems
from rrgbench.metrics.meteor import metric as metric_module
from rrgbench.metrics.meteor.keys import java_hashes, ngram_keys, phrase_keys, word_keys
from rrgbench.metrics.meteor.metric import LONGEST

WORDS = [
    "the",
    "heart",
    "lungs",
    "are",
    "is",
    "clear",
    ".",
    "normal",
    "no",
    "not",
    "effusion",
    "effusions",
    "opacity",
    "opacities",
    "rt",
    "t6",
    "large",
    "big",
    "a",
    "of",
]
reports = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
any_text = st.text(
    alphabet=st.one_of(st.sampled_from(list(" .,'`-\t\n\rabZ09|()\x00\x0b\u2019\u00a0")), st.characters()), max_size=60
)


def score(reference: str, hypothesis: str) -> float:
    metric = Meteor()
    return float(metric.per_study(metric.statistics([[reference]], [hypothesis]))[0, 0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(reports, reports), min_size=1, max_size=6))
def test_scores_lie_between_0_and_1_and_match_counts_within_lengths(pairs: list[tuple[str, str]]) -> None:
    metric = Meteor()
    rows = metric.statistics([[reference] for reference, _ in pairs], [hypothesis for _, hypothesis in pairs])
    assert rows.shape == (len(pairs), scoring.COLUMNS)
    values = metric.per_study(rows)
    assert ((values >= 0) & (values <= 1)).all()
    matched = rows[:, scoring.FIRST_STAGE : scoring.CHUNKS].reshape(-1, 8, 2).sum(axis=1)
    assert (matched <= rows[:, :2]).all()
    assert (rows[:, scoring.CHUNKS] <= matched.min(axis=1)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(set(WORDS))), min_size=1, max_size=15, unique=True).map(" ".join))
def test_a_text_of_distinct_words_matches_itself_as_one_chunk(text: str) -> None:
    row = Meteor().statistics([[text]], [text])[0]
    assert row[scoring.CHUNKS] == 1
    assert row[4] + row[6] == row[0] == row[1]
    assert scoring.score(row[np.newaxis])[0] == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(reports, reports), min_size=1, max_size=5), st.data())
def test_multiplicities_count_studies_as_if_they_were_repeated(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    metric = Meteor()
    rows = metric.statistics([[reference] for reference, _ in pairs], [hypothesis for _, hypothesis in pairs])
    repeated = np.repeat(rows, times, axis=0)
    one = metric.aggregate(rows, np.array([times, times], dtype=np.float64))
    assert one.shape == (2, 1)
    assert (
        one[0, 0]
        == one[1, 0]
        == pytest.approx(metric.aggregate(repeated, np.ones((1, len(repeated))))[0, 0], abs=1e-15)
    )


@settings(max_examples=30, deadline=None)
@given(reports, st.lists(reports, min_size=1, max_size=4))
def test_the_best_of_several_references_counts(hypothesis: str, references: list[str]) -> None:
    metric = Meteor()
    together = metric.per_study(metric.statistics([references], [hypothesis]))[0, 0]
    assert together == max(score(reference, hypothesis) for reference in references)


def test_of_equally_good_references_the_first_counts() -> None:
    rows = Meteor().statistics([["zebra", "zebra crossing", "zebra"]], ["elephant"])
    assert rows[0, 1] == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(any_text, any_text), min_size=1, max_size=5))
def test_any_text_has_a_finite_score_that_does_not_depend_on_its_neighbours(pairs: list[tuple[str, str]]) -> None:
    metric = Meteor()
    rows = metric.statistics([[reference] for reference, _ in pairs], [hypothesis for _, hypothesis in pairs])
    assert np.isfinite(metric.per_study(rows)).all()
    for (reference, hypothesis), row in zip(pairs, rows, strict=True):
        assert (metric.statistics([[reference]], [hypothesis])[0] == row).all()


def test_what_breaks_the_pipe_to_the_jar_is_harmless() -> None:
    plain = score("the lungs are clear . no effusion .", "lungs clear . no effusion .")
    assert score("the lungs are clear .\nno effusion .", "lungs clear .\r\nno effusion .\r") == plain
    assert score("the lungs are clear . ||| no effusion .", "lungs clear . ||| no effusion .") == plain
    assert Meteor().statistics([["clear lungs ||| normal"]], ["normal"])[0, 1] == 3


@pytest.mark.parametrize(
    ("reference", "hypothesis"), [("", "clear lungs"), ("clear lungs", ""), ("", ""), (" \n", "\t")]
)
def test_an_empty_side_scores_zero(reference: str, hypothesis: str) -> None:
    assert score(reference, hypothesis) == 0.0


def test_no_study_at_all_gives_no_rows_and_a_corpus_score_of_zero() -> None:
    metric = Meteor()
    rows = metric.statistics([], [])
    assert rows.shape == (0, scoring.COLUMNS)
    assert metric.aggregate(rows, np.ones((1, 0))).tolist() == [[0.0]]


@pytest.mark.parametrize("text", ["1 2 3 4 5", "القلب طبيعي", "\u202eraelc\u202c", "心影不大", "a" * 5000])
def test_unusual_scripts_match_themselves(text: str) -> None:
    assert score(text, text) > 0.6


def test_very_long_reports_are_scored() -> None:
    rng = random.Random(0)
    vocabulary = [f"w{number}" for number in range(600)] + WORDS
    long = " ".join(rng.choices(vocabulary, k=10_000))
    short = " ".join(long.split()[200:240])
    rows = Meteor().statistics([[short], [long]], [long, short])
    assert rows[0, 4] + rows[0, 6] == 40
    assert rows[1, 4] + rows[1, 6] == 40


@pytest.mark.parametrize("count", [LONGEST + 500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_two_reports_of_thousands_of_words_are_aligned_a_stretch_at_a_time(count: int) -> None:
    # Sixteen million matches for six words in 10,000: listing them all takes minutes and gigabytes.
    rng = random.Random(0)
    one, other = (rng.choices([f"w{number}" for number in range(6)], k=count) for _ in range(2))
    row = Meteor().statistics([[" ".join(one)]], [" ".join(other)])[0]
    stretches = [
        [" ".join(words[low : low + LONGEST]) for low in range(0, len(words), LONGEST)] for words in (one, other)
    ]
    parts = Meteor().statistics([[text] for text in stretches[0]], stretches[1])
    np.testing.assert_array_equal(row, parts.sum(axis=0))
    assert row[4] > 0.95 * row[0] == 0.95 * count


def test_what_is_longer_than_the_other_side_matches_nothing() -> None:
    text = " ".join(f"w{number}" for number in range(LONGEST + 5))
    row = Meteor().statistics([["w0 w1"]], [text])[0]
    assert (row[0], row[1], row[4]) == (LONGEST + 5, 2, 2)


def test_a_long_report_matches_itself_whole() -> None:
    rng = random.Random(0)
    text = " ".join(rng.choices(WORDS, k=2_000))
    row = Meteor().statistics([[text]], [text])[0]
    assert row[4] + row[6] == row[0]
    assert row[scoring.CHUNKS] == 2_000 // LONGEST


def test_pairs_are_shared_out_by_their_words() -> None:
    work = np.array([5, 4, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 0, 9_000_000, 1])
    parts = [part.tolist() for part in metric_module._parts(work)]
    assert parts == [[0, 1, 2, 3, 4], [5, 6], [7], [8]]
    assert [len(part) for part in metric_module._parts(np.ones(2_500, dtype=np.int64))] == [1024, 1024, 452]
    assert list(metric_module._parts(np.empty(0, dtype=np.int64))) == []


def test_pairs_searched_in_threads_have_the_rows_they_have_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    references = [[" ".join(rng.choices(WORDS, k=rng.randrange(30)))] for _ in range(60)]
    hypotheses = [" ".join(rng.choices(WORDS, k=rng.randrange(30))) for _ in range(60)]
    searched = []
    threads = metric_module.ThreadPoolExecutor
    monkeypatch.setattr(threads, "submit", lambda *given, submit=threads.submit: searched.append(0) or submit(*given))
    alone = [Meteor().statistics([one], [other]) for one, other in zip(references, hypotheses, strict=True)]
    assert not searched
    monkeypatch.setattr(metric_module, "_PAIRS_AT_ONCE", 7)
    np.testing.assert_array_equal(Meteor().statistics(references, hypotheses), np.concatenate(alone))
    assert searched


def test_words_with_one_java_hash_code_count_as_one_word() -> None:
    # A defect of the jar that its values can't be met without.
    assert score("rt apex", "t6 apex") == pytest.approx(1.0)
    assert score("rt apex", "t7 apex") < 0.7


@pytest.mark.parametrize(
    ("reference", "hypothesis", "stage"),
    [
        ("the opacity is", "the opacities is", 1),
        ("the large heart", "the big heart", 2),
        ("seen due to scarring", "seen as a result of scarring", 3),
    ],
)
def test_each_matcher_finds_what_it_is_for(reference: str, hypothesis: str, stage: int) -> None:
    row = Meteor().statistics([[reference]], [hypothesis])[0]
    matched = row[scoring.FIRST_STAGE : scoring.CHUNKS].reshape(4, 4).sum(axis=1)
    assert matched[stage] > 0
    assert matched[0] + matched[stage] == matched.sum() == row[0] + row[1]


def test_a_lone_match_that_is_not_exact_and_not_alone_on_its_words_is_left_out() -> None:
    # Half a word rounds down to nothing while a chunk costs, so the jar's search prefers no match at all.
    assert score("large", "big") == 0.0


def test_unequal_numbers_of_studies_and_studies_without_reference_are_refused() -> None:
    with pytest.raises(InputError, match="1 hypotheses for 2 studies"):
        Meteor().statistics([["a"], ["b"]], ["a"])
    with pytest.raises(InputError, match="no reference for the studies at 1 "):
        Meteor().statistics([["a"], []], ["a", "b"])


# Tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Heart size is normal.", "heart size is normal ."),
        ("There is a 1.5 cm nodule, stable.", "there is a 1.5 cm nodule , stable ."),
        ("1,500 mm", "1,500 mm"),
        ("T6-T7 level", "t6 t7 level"),
        ("the patient's chest", "the patient 's chest"),
        ("Dr. Smith", "dr. smith"),
        ("No. 5", "no. 5"),
        ("No. Effusion", "no . effusion"),
        ("approx. normal", "approx. normal"),
        ("U.S. study", "us study"),
        ("wait...", "wait ..."),
        ("“clear”", '" clear "'),
        ("DOTMULTI", "."),
    ],
)
def test_tokens_are_those_of_the_jar(text: str, tokens: str) -> None:
    prefixes = {"Dr": normalizer.ANY_FOLLOWER, "No": normalizer.BEFORE_NUMBER}
    assert " ".join(normalizer.Normalizer(prefixes).tokens(text)) == tokens


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*" .,'`-\tabZ09()\"", "No.", "Dr.", "...", " "]), max_size=30).map("".join))
def test_tokens_of_pieces_are_those_of_the_whole_text(text: str) -> None:
    splitter = normalizer.Normalizer({"Dr": normalizer.ANY_FOLLOWER, "No": normalizer.BEFORE_NUMBER})
    words = normalizer._rewrite(normalizer.clean(text))
    assert splitter.tokens(text) == splitter._finish(splitter._dots(words, ""))


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        any_text, st.lists(st.sampled_from([*" .,'`-\tab9", " . ", "Dr.", "\x1f", "é"]), max_size=30).map("".join)
    )
)
def test_tokens_of_sentences_are_those_of_the_whole_text(text: str) -> None:
    splitter = normalizer.Normalizer({"Dr": normalizer.ANY_FOLLOWER})
    tokens = [token for sentence in splitter.sentences(text) for token in splitter.tokens(sentence)]
    assert tokens == splitter.tokens(text)


def test_a_text_is_cut_where_a_full_stop_stands_alone() -> None:
    sentences = normalizer.Normalizer({}).sentences("lungs clear . no effusion . heart normal .")
    assert sentences == ["lungs clear .", "no effusion .", "heart normal ."]


# Keys


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(blacklist_characters="\n"), max_size=12), max_size=8))
def test_java_hashes_follow_their_definition(words: list[str]) -> None:
    expected = []
    for word in words:
        value = 0
        units = word.encode("utf-16-le", "surrogatepass")
        for low, high in zip(units[0::2], units[1::2], strict=True):
            value = (31 * value + low + 256 * high) % (1 << 32)
        expected.append(value)
    assert java_hashes(words).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.integers(1, 7))
def test_ngram_keys_equal_phrase_keys(words: list[str], most: int) -> None:
    keys = word_keys(words)
    for index, grams in enumerate(ngram_keys(keys, most)):
        for start, key in enumerate(grams):
            phrase = keys[start : start + index + 1]
            assert key == phrase_keys(phrase, np.array([0]), np.array([index + 1]))[0]


def test_word_keys_tell_words_apart() -> None:
    words = sorted({a + b + c for a in ["", *"abcz09"] for b in "xyz.-" for c in ["", *"mnéж"]})
    assert len(np.unique(word_keys(words))) == len(words)


# Data


def write_package(folder: Path, table: bytes) -> tuple[Path, Path]:
    jar, path = folder / "tiny.jar", folder / "tiny.gz"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("function/english.words", "the\nof\n")
        archive.writestr("nonbreaking/english.prefixes", "# a comment\nDr\n\nNo #NUMERIC_ONLY#\n")
        archive.writestr("synonym/english.synsets", "big\n1 2\nlarge\n2 3\n")
        archive.writestr("synonym/english.exceptions", "ox\noxen\n")
    path.write_bytes(table)
    return jar, path


def test_a_cache_holds_what_was_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    entries = [("a lot of", "many"), ("a lot of", "much"), ("many", "a lot of")]
    table = gzip.compress("".join(f"0.5\n{phrase}\n{other}\n" for phrase, other in entries).encode())
    jar, path = write_package(tmp_path, table)
    with caplog.at_level(logging.INFO):
        resources.build(jar, path, tmp_path / "cache" / "meteor")
    assert "METEOR" in caplog.text
    found = resources.read(tmp_path / "cache" / "meteor")
    assert found.function_words == {"the", "of"}
    assert found.prefixes == {"Dr": normalizer.ANY_FOLLOWER, "No": normalizer.BEFORE_NUMBER}
    assert found.longest_phrase == 3
    words = word_keys(["a", "lot", "of", "many", "much"])
    many, much = (phrase_keys(words[[at]], np.array([0]), np.array([1]))[0] for at in (3, 4))
    phrase = phrase_keys(words[:3], np.array([0]), np.array([3]))[0]
    entry = found.paraphrase_keys.tolist().index(phrase)
    span = slice(*found.paraphrase_offsets[entry : entry + 2])
    assert found.paraphrase_targets[span].tolist() == [many, much]
    assert found.maybe_phrases(np.array([many, much, phrase])).all()
    assert not found.maybe_phrases(words[:2]).any()
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["meteor"]


@pytest.mark.skipif(matching.compiled is None, reason="not built")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=12), max_size=8))
def test_the_compiled_look_for_phrases_finds_those_of_numpy(lines: list[list[str]]) -> None:
    """On the table's own filter, and on one that lets every n-gram pass, which are more than there is room for."""
    table = resources.load_resources()
    words = word_keys([word for line in lines for word in line])
    lengths = np.array([len(line) for line in lines], dtype=np.int64)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))
    for known in (table, dataclasses.replace(table, phrase_filter=np.full_like(table.phrase_filter, 255))):
        found, expected = (look(words, left, known) for look in (matching._possible, matching._possible_in_numpy))
        assert sorted(zip(*map(np.ndarray.tolist, found), strict=True)) == sorted(
            zip(*map(np.ndarray.tolist, expected), strict=True)
        )
    assert len(found[0]) == sum(max(length - n, 0) for length in lengths for n in range(table.longest_phrase))


@pytest.mark.skipif(matching.compiled is None, reason="not built")
def test_the_compiled_look_refuses_arrays_that_do_not_fit() -> None:
    assert matching.compiled is not None
    one = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="differ in length"):
        matching.compiled(one, np.zeros(2, dtype=np.int64), one, np.zeros(4, dtype=np.uint8), one, one, one)
    with pytest.raises(ValueError, match="no power of two"):
        matching.compiled(one, one, one, np.zeros(3, dtype=np.uint8), one, one, one)


def test_a_damaged_package_leaves_no_cache_behind(tmp_path: Path) -> None:
    whole = gzip.compress(b"0.5\na\nb\n" * 1000)
    jar, path = write_package(tmp_path, whole[: len(whole) // 2])
    with pytest.raises(MissingPartError, match="damaged"):
        resources.build(jar, path, tmp_path / "cache" / "meteor")
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_that_cannot_be_written_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = write_package(tmp_path, gzip.compress(b"0.5\na\nb\n"))
    monkeypatch.setattr(resources, "installed_files", lambda: package)
    made = []
    for place in (package[0], tmp_path / "cache"):
        monkeypatch.setenv("RRGBENCH_CACHE", str(place))
        made.append(resources.load_resources.__wrapped__())
        assert "METEOR's cache can't be kept (File exists)" in caplog.text
    for field in dataclasses.fields(made[0]):
        without, cached = (np.array(getattr(one, field.name)) for one in made)
        np.testing.assert_array_equal(without, cached)


def test_a_cache_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    jar, path = write_package(tmp_path, gzip.compress(b"0.5\na\nb\n"))
    resources.build(jar, path, tmp_path / "meteor")
    (tmp_path / "meteor" / "synsets.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="delete that folder"):
        resources.read(tmp_path / "meteor")


@pytest.mark.parametrize("name", ["synsets.npy", "paraphrase_targets.npy", "lists.json", "digests.json"])
@pytest.mark.parametrize("damage", ["flipped", "zeros", "cut", "gone"])
def test_a_damaged_cache_is_made_again_and_never_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    monkeypatch.setenv("RRGBENCH_CACHE", str(tmp_path / "cache"))
    package = write_package(tmp_path, gzip.compress(b"0.5\na\nb\n"))
    monkeypatch.setattr(resources, "installed_files", lambda: package)
    made = resources.load_resources.__wrapped__()
    whole = {field.name: np.array(getattr(made, field.name)) for field in dataclasses.fields(made)}
    (path,) = (tmp_path / "cache").glob(f"*/{name}")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        flipped = content[:-2] + bytes([content[-2] ^ 1]) + content[-1:]
        path.write_bytes({"flipped": flipped, "zeros": bytes(len(content)), "cut": content[:-3]}[damage])
    again = resources.load_resources.__wrapped__()
    assert "it is made again" in caplog.text
    for field, expected in whole.items():
        np.testing.assert_array_equal(getattr(again, field), expected)
    assert path.is_file()


def test_the_cache_goes_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RRGBENCH_CACHE", str(tmp_path))
    assert resources.cache_folder() == tmp_path


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPartError, match="pip install pycocoevalcap"):
        resources.installed_files()


def test_a_stemmer_of_another_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer:
        def stemWord(self, word: str) -> str:  # noqa: N802
            return word

    monkeypatch.setattr(snowballstemmer, "stemmer", lambda _: Newer())
    stems._stemmer.cache_clear()
    try:
        with pytest.raises(MissingPartError, match="'lateral' to 'later'"):
            stems._stemmer()
    finally:
        stems._stemmer.cache_clear()


def test_stems_are_kept_without_the_words_and_a_damaged_file_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RRGBENCH_CACHE", str(tmp_path))
    words = ["effusions", "effusion", "zonules"]
    keys = word_keys(words)
    first = stems.stem_hashes(words, keys)
    assert first[0] == first[1] != first[2]
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    assert not any(word.encode() in content for word in words)
    monkeypatch.setattr(stems, "_stem", lambda word: pytest.fail(f"{word} is stemmed again"))
    assert stems.stem_hashes(words[::-1], keys[::-1]).tolist() == first[::-1].tolist()

    path.write_bytes(content[:-1] + b"\x7f")
    monkeypatch.setattr(stems, "_stem", lambda word: "other")
    assert len(set(stems.stem_hashes(words, keys).tolist())) == 1


def test_stems_are_made_where_none_can_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("RRGBENCH_CACHE", str(tmp_path / "file"))
    assert len(stems.stem_hashes(["effusions"], word_keys(["effusions"]))) == 1

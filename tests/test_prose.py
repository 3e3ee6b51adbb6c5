import doctest

import pytest

from zoo import files, prose
from zoo.errors import StoreError
from zoo.files import file_name, write_whole
from zoo.prose import count, joined, plain, plural, printable, quoted


@pytest.mark.parametrize("module", [prose, files])
def test_the_examples_of_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("n", "noun", "expected"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (1, "training row", "1 training row"),
        (2, "class", "2 classes"),
        (3, "category", "3 categories"),
        (2, "day", "2 days"),
        (1_000_000, "box", "1,000,000 boxes"),
    ],
)
def test_a_noun_agrees_with_its_number(n, noun, expected):
    assert count(n, noun) == expected


def test_a_verb_and_a_list_agree_with_their_number():
    assert [plural(n, "repeats", "repeat") for n in (0, 1, 2)] == ["repeat", "repeats", "repeat"]
    assert [joined(list("abcd")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert quoted(list("abcd"), most=2) == "'a', 'b' and 2 more"


def test_printable_text_has_nothing_that_a_terminal_acts_on():
    nasty = "a\x1b[2Jb\x07\r\n\x9b31m\u202ec\u2028d\x00\ud800é😀"
    assert printable(nasty).isprintable()
    assert plain(" Größe 漢字 😀 ") == "Größe 漢字 😀"


def test_names_of_files_are_short_distinct_and_without_folders():
    long = [file_name("é" * 300 + end) for end in "ab"]
    assert len({*long}) == 2
    assert all(len(name.encode()) <= 120 for name in long)
    for text in ("../../etc/passwd", "/x", "..", "", "a\x00b", "\ud800", "a/b", ".hidden"):
        name = file_name(text)
        assert name
        assert "/" not in name
        assert not name.startswith(".")


def test_a_file_that_cannot_be_written_stays_as_it_was_and_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").write_text("old")
    (tmp_path / ("c" * 200)).write_text("old")
    for path in (tmp_path / "a", tmp_path / "no" / "x", tmp_path / "b" / "x", tmp_path / "x\0"):
        with pytest.raises(StoreError, match="cannot be written"):
            write_whole(path, "new", StoreError)
    assert write_whole(tmp_path / ("c" * 200), "new", StoreError).read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c" * 200]

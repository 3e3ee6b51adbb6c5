import pytest

import zoo.data

LARGE = {"census_income", "flights", "fashion_mnist"}
CARDS = {name: zoo.data.load_card(name) for name in zoo.data.datasets()}
OFFLINE = [name for name, card in CARDS.items() if not all(s.needs_network for s in card.sources)]


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_whose_the_data_are(name):
    card = CARDS[name]
    assert all([card.title, card.license, card.reference, card.citation, card.notes])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in OFFLINE]
)
def test_the_data_are_as_their_card_says(name):
    if name == "fashion_mnist":
        from pathlib import Path

        files = CARDS[name].sources[0].files
        if not all(Path(file).is_file() for file in files):
            pytest.skip("its files come with a Debian package, which is not installed here")
    assert zoo.data.check(name) == []

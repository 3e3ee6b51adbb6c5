import pytest

from tests.data.test_sources import CARD
from zoo.data.cards import load_card, read_card
from zoo.errors import DefinitionError

GOOD = CARD.format(source='type = "file"\nfiles = ["d.csv"]\nreader = "csv"')


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("revision = 1", "revison = 1", "unknown key 'revison'; did you mean 'revision'"),
        ("revision = 1", 'revision = "1"', "'revision' is '1'; expected a whole number"),
        (
            'name = "small"',
            'name = "other"',
            "'name' is 'other'; expected the file's name",
        ),
        ('type = "file"', 'type = "web"', "'source[0].type' is 'web'; expected one of: package"),
        ('reader = "csv"', 'reader = "xls"', "'source[0].reader' is 'xls'; expected one of: csv"),
        ("rows = 4", "row = 4", "unknown key 'facts.row'; did you mean 'rows'"),
        ("rows = 4\n", "", "the key 'facts.rows' is missing"),
        ('task = "classification"', 'task = "ranking"', "'task' is 'ranking'; expected one of"),
        (
            "[facts]",
            '[columns]\nbool = ["a"]\n[facts]',
            "unknown key 'columns.bool'",
        ),
        ("title = ", "title ", "not a TOML file"),
        ('type = "file"\n', "", "the key 'source[0].type' is missing"),
        (
            "[facts]",
            "[columns.bounds]\na = [1]\n[facts]",
            "'columns.bounds.a' is [1]; expected",
        ),
        (
            "revision = 1",
            'revision = 1\nmetric = "auc"',
            "'metric' is 'auc'; did you mean",
        ),
        ("revision = 1", 'revision = 1\nkind = "image"', "'image_shape' must come together"),
    ],
)
def test_a_wrong_card_is_named_with_its_key_in_one_line(tmp_path, old, new, message):
    path = tmp_path / "small.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(DefinitionError) as caught:
        read_card(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(DefinitionError, match="unknown data set 'tyroid'; did you mean 'thyroid'"):
        load_card("tyroid")

import pytest

from zoo.canonical import canonical_json, derive_seed


def test_equal_values_have_equal_json_whatever_their_order():
    assert canonical_json({"b": 1, "a": (1, 2)}) == '{"a":[1,2],"b":1}'


def test_nan_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))


def test_a_seed_depends_on_every_part_and_their_order():
    seeds = {derive_seed("a", 1), derive_seed("a", 2), derive_seed("b", 1), derive_seed(1, "a")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)

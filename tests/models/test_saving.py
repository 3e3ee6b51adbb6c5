import contextlib
import copy
import functools
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import zoo
from tests.matrix import ALL, models_and_tasks
from zoo.errors import MissingExtraError, ModelFileError
from zoo.registry.spec import EXTRAS

EVERY = [(name, task) for name in ALL for task in zoo.spec(name).tasks]


def make(name, task="classification", **params):
    known = zoo.make(name, task=task).get_params()
    given = {"random_state": 0, "max_epochs": 2}
    smoke = {**zoo.spec(name).smoke, **{key: given[key] for key in given if key in known}}
    model = zoo.make(name, task=task, **{**smoke, **params})
    model._jit_compile = False  # the same networks, compiled faster
    return model


def messy_table(n_rows=80):
    rng = np.random.default_rng(0)
    number = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "number [kg], <1>": np.where(rng.random(n_rows) < 0.1, np.nan, number),
            "flag": rng.random(n_rows) < 0.5,
            "letter": pd.Series(rng.choice(["a", "b", None], n_rows), dtype="category"),
            "many": rng.choice(list("cdefghijklmnopq"), n_rows),
            7: pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n_rows), unit="D"),
            "how long": pd.to_timedelta(rng.integers(0, 9000, n_rows), unit="s"),
            "constant": 1.0,
            "empty": np.full(n_rows, np.nan),
        }
    )
    return frame, number


def task_of(name, task):
    X, number = messy_table()
    if zoo.spec(name).inputs == "image":
        X = np.random.default_rng(1).normal(size=(len(X), 36))
    if task == "regression":
        return X, 1000.0 + 100.0 * np.nan_to_num(number)
    return X, np.array(["no", "perhaps", "yes"])[np.digitize(number, [-0.4, 0.4])]


@functools.cache
def fitted(name, task="classification"):
    return make(name, task).fit(*task_of(name, task))


def answers(model, X):
    found = {"predict": model.predict(X)}
    for method in ("predict_proba", "decision_function"):
        if hasattr(model, method):
            found[method] = getattr(model, method)(X)
    return found


def assert_same(model, loaded, X):
    assert type(loaded) is type(model)
    assert loaded.get_params() == model.get_params()
    for method, values in answers(model, X).items():
        found = getattr(loaded, method)(X)
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)


@pytest.mark.filterwarnings("ignore:categories that training did not have")
@pytest.mark.parametrize(("name", "task"), models_and_tasks(ALL))
def test_a_loaded_model_predicts_exactly_the_same(name, task, tmp_path):
    X, _ = task_of(name, task)
    if isinstance(X, pd.DataFrame):
        many = ["never seen", None, "c", "d"] * (len(X) // 4)
        X = X.assign(many=many)[list(reversed(X.columns))]
    model = fitted(name, task)
    model.save(tmp_path / "m.zoo")
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "m.zoo").rename(tmp_path / "elsewhere" / "other.zoo")
    loaded = zoo.load_model(str(moved))
    assert_same(model, loaded, X)
    learnt = {key for key in vars(model) if key.endswith("_")}
    assert learnt == {key for key in vars(loaded) if key.endswith("_")}
    assert loaded.n_features_in_ == X.shape[1]
    if isinstance(X, pd.DataFrame):
        assert list(loaded.feature_names_in_) == list(model.feature_names_in_)
        assert loaded.encoder_.state() == model.encoder_.state()


@pytest.mark.parametrize(
    "names",
    [
        ["mlp", "realmlp", "random_forest", "hist_gradient_boosting", "xgboost", "lightgbm"],
        pytest.param([name for name in ALL if zoo.spec(name).extra], marks=pytest.mark.slow),
    ],
    ids=["usual", "with an extra"],
)
def test_models_load_in_another_process_and_folder(names, tmp_path):
    X, _ = messy_table()
    X.to_pickle(tmp_path / "X.pkl")
    expected = {}
    for name in names:
        fitted(name).save(tmp_path / f"{name}.zoo")
        expected[name] = fitted(name).predict_proba(X)
    code = f"""
import numpy as np, pandas as pd, zoo
X = pd.read_pickle({str(tmp_path / "X.pkl")!r})
for name in {names}:
    model = zoo.load_model({str(tmp_path)!r} + "/" + name + ".zoo")
    np.save(name + ".npy", model.predict_proba(X))
"""
    (tmp_path / "away").mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "away", check=True)
    for name in names:
        np.testing.assert_array_equal(np.load(tmp_path / "away" / f"{name}.npy"), expected[name])


@pytest.mark.parametrize("name", [name for name in ALL if zoo.spec(name).extra])
@pytest.mark.slow
def test_a_file_of_a_model_whose_extra_is_missing_is_refused(name, tmp_path, monkeypatch):
    fitted(name).save(tmp_path / "m.zoo")
    extra = zoo.spec(name).extra
    with zipfile.ZipFile(tmp_path / "m.zoo") as archive:
        assert EXTRAS[extra] in json.loads(archive.read("model.json"))["versions"]
    monkeypatch.setitem(sys.modules, extra, None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=rf"model-zoo-curves\[{extra}\]"):
        zoo.load_model(tmp_path / "m.zoo")


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "aa"]),
        np.array(["b", "aa"], dtype=object),
        np.array([3, -1]),
        np.array([3, -1], dtype=np.int8),
        np.array([True, False]),
        np.array([1.0, 2.0]),
        np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_type(labels, tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    model = make("decision_tree").fit(X, np.repeat(labels, 10))
    model.save(tmp_path / "m.zoo")
    loaded = zoo.load_model(tmp_path / "m.zoo")
    assert loaded.classes_.dtype == model.classes_.dtype
    assert [type(label) for label in loaded.classes_] == [type(label) for label in model.classes_]
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert not hasattr(loaded, "feature_names_in_")


@pytest.mark.parametrize("name", ["mlp", "lightgbm", "random_forest"])
def test_a_model_of_one_class_is_saved(name, tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    model = make(name).fit(X, ["only"] * 20)
    model.save(tmp_path / "m.zoo")
    assert_same(model, zoo.load_model(tmp_path / "m.zoo"), X)


WEIGHTED = ("knn", "svm_rbf", "hist_gradient_boosting", "lightgbm", "xgboost", "decision_tree")


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "hist_gradient_boosting", "decision_tree"])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("n_rows", [5, 30])
def test_trees_of_one_leaf_are_saved(name, task, n_rows, tmp_path):
    X, y = np.zeros((n_rows, 2)), np.arange(n_rows) % 2
    model = make(name, task).fit(X, y)
    model.save(tmp_path / "m.zoo")
    assert_same(model, zoo.load_model(tmp_path / "m.zoo"), X)


@pytest.mark.parametrize(("name", "task"), [e for e in EVERY if e[0] in WEIGHTED])
def test_attributes_that_only_a_weighted_fit_learns_are_saved(name, task, tmp_path):
    X, y = task_of(name, task)
    model = make(name, task).fit(X, y, sample_weight=np.arange(1, len(X) + 1))
    model.save(tmp_path / "m.zoo")
    assert_same(model, zoo.load_model(tmp_path / "m.zoo"), X)


@pytest.mark.parametrize("name", ["mlp", "xgboost", "lightgbm", "hist_gradient_boosting"])
def test_a_loaded_model_can_be_saved_and_fitted_again(name, tmp_path):
    X, y = task_of(name, "classification")
    fitted(name).save(tmp_path / "m.zoo")
    loaded = zoo.load_model(tmp_path / "m.zoo")
    loaded._jit_compile = False
    loaded.save(tmp_path / "m.zoo")
    again = zoo.load_model(tmp_path / "m.zoo")
    assert_same(fitted(name), again, X)
    np.testing.assert_array_equal(loaded.fit(X, y).predict(X), fitted(name).predict(X))


def test_parameters_of_every_plain_kind_are_saved(tmp_path):
    model = make("cnn", image_shape=(6, 6, 1), validation_fraction=np.float32(0.25))
    model.fit(*task_of("cnn", "classification")).save(tmp_path / "m.zoo")
    loaded = zoo.load_model(tmp_path / "m.zoo")
    assert loaded.image_shape == (6, 6, 1)
    assert loaded.validation_fraction == 0.25


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of keras, when it reads weights
def test_a_network_can_be_used_without_zoo(tmp_path):
    import keras

    model = fitted("mlp")
    model.save(tmp_path / "m.zoo")
    with zipfile.ZipFile(tmp_path / "m.zoo") as archive:
        archive.extract("network.keras", tmp_path)
    network = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    X, _ = messy_table()
    logits = network(model.encoder_.transform(X)).numpy()
    np.testing.assert_array_equal(model.classes_[logits.argmax(axis=1)], model.predict(X))


def test_an_unfitted_model_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        make("logistic").save(tmp_path / "m.zoo")
    assert not list(tmp_path.iterdir())


def assert_tells_what_to_do(raised, *words):
    message = str(raised.value)
    assert isinstance(raised.value, zoo.ZooError)
    assert "\n" not in message
    assert ";" in message
    for word in words:
        assert word in message


def test_values_that_are_not_plain_data_are_refused_and_the_old_file_stays(tmp_path):
    X, y = np.arange(40.0).reshape(20, 2), ["a", "b"] * 10
    path = tmp_path / "m.zoo"
    make("decision_tree").fit(X, y).save(path)
    before = path.read_bytes()
    odd = make("decision_tree").set_params(random_state=np.random.RandomState(0)).fit(X, y)
    with pytest.raises(ModelFileError) as raised:
        odd.save(path)
    assert_tells_what_to_do(raised, "'random_state'", "RandomState")
    named = make("decision_tree").fit(pd.DataFrame(X, columns=pd.date_range("2026", periods=2)), y)
    with pytest.raises(ModelFileError) as raised:
        named.save(path)
    assert_tells_what_to_do(raised, "'feature_names_in_'", "Timestamp")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_class_outside_the_registry_is_refused(tmp_path):
    class Unregistered(type(zoo.make("logistic"))):
        pass

    with pytest.raises(ModelFileError) as raised:
        Unregistered().fit(np.arange(40.0).reshape(20, 2), ["a", "b"] * 10).save(tmp_path / "m.zoo")
    assert_tells_what_to_do(raised, "Unregistered is not in the registry")


@pytest.mark.parametrize("where", ["is a folder", "no such folder/m.zoo", "a file/m.zoo"])
def test_a_save_that_fails_leaves_nothing_behind(where, tmp_path):
    (tmp_path / "is a folder").mkdir()
    (tmp_path / "a file").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelFileError) as raised:
        fitted("dummy").save(tmp_path / where)
    assert_tells_what_to_do(raised, "cannot be written", "folder")
    assert sorted(tmp_path.rglob("*")) == before


# --- untrusted files ---------------------------------------------------------------------------


def saved(model, path):
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, *, sign=True):
    """Write members; a header given as a dict gets valid digests, as an attacker would add them."""
    members = dict(members)
    header = members.pop("model.json")
    if not isinstance(header, bytes):
        if sign:
            digests = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
            header = {**header, "members": digests}
        header = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", header)
        for name, data in members.items():
            archive.writestr(name, data)


def assert_refused(path, *words):
    with pytest.raises(ModelFileError) as raised:
        zoo.load_model(path)
    assert_tells_what_to_do(raised, str(path), *words)


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def test_a_missing_file_is_reported(tmp_path):
    assert_refused(tmp_path / "m.zoo", "there is no file")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18), "half"])
def test_damaged_and_other_files_are_refused(content, tmp_path):
    path = tmp_path / "m.zoo"
    if content == "half":
        fitted("decision_tree").save(path)
        content = path.read_bytes()[:-200]
    path.write_bytes(content)
    assert_refused(path, "is not a whole file")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "other"}, "no model.json of a zoo model"),
        ({"schema": 1}, "expected schema 2, got 1"),
        ({"schema": 2.0}, "expected schema 2, got 2.0"),
        ({"schema": None}, "expected schema 2, got None"),
        ({"model": "no_such"}, "unknown model 'no_such'"),
        ({"model": ["dummy"]}, "'model' is ['dummy']; expected a text"),
        ({"task": "clustering"}, "does not do clustering"),
        ({"model": "logistic"}, "is not a model as this zoo would write it"),
        ({"params": {"no_such": 1}}, "no_such"),
        ({"params": {"max_depth": {"array": "arrays/x.npy"}}}, "arrays/x.npy"),
        ({"params": 3}, "'params' is 3; expected a table"),
        ({"params": {"max_depth": "3"}}, "expected int or None"),
        ({"params": {"max_depth": 10**4000}}, "expected int or None within"),
        ({"state": {}}, "encoder_"),
        ({"state": {"predict": 1}}, "names of learnt attributes"),
        ({"state": {"__class__": 1}}, "names of learnt attributes"),
        ({"state": {"x_": 1}}, "names of learnt attributes"),
        ({"state": {"encoder_": {"no_such": 1}}}, "no_such"),
        ({"state": {"encoder_": {"array": "../m.npy"}}}, "../m.npy"),
        (
            {"versions": {"zoo": "9.0"}, "state": {}},
            f"other versions than zoo {zoo.__version__}",
        ),
        ({"versions": 3, "state": None}, "save the model again"),
        ({"members": []}, "missing, or was added"),
    ],
)
def test_a_header_with_wrong_entries_is_refused(change, word, tmp_path):
    members = saved(fitted("decision_tree"), tmp_path / "m.zoo")
    header = {**json.loads(members["model.json"]), **change}
    write(tmp_path / "m.zoo", {**members, "model.json": header}, sign="members" not in change)
    assert_refused(tmp_path / "m.zoo", word)


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 1}',
        b"9" * 5000,
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_header_that_is_no_json_object_is_refused(header, tmp_path):
    write(tmp_path / "m.zoo", {"model.json": header})
    assert_refused(tmp_path / "m.zoo", "is not a whole file")


def test_members_that_do_not_match_their_digests_are_refused(tmp_path):
    path = tmp_path / "m.zoo"
    members = saved(fitted("decision_tree"), path)
    name = next(name for name in members if name.endswith("model_.npy"))
    flipped = members[name][:-1] + bytes([members[name][-1] ^ 1])
    for change in ({name: flipped}, {"more": b""}):
        write(path, {**members, **change})
        assert_refused(path, "since it was saved")
    del members[name]
    write(path, members)
    assert_refused(path, f"'{name}' is missing")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:\\x", "a//b", ".hidden", "a/"])
def test_member_names_outside_the_file_are_refused(name, tmp_path):
    members = saved(fitted("dummy"), tmp_path / "m.zoo")
    write(tmp_path / "m.zoo", {**members, name: b"x"})
    assert_refused(tmp_path / "m.zoo", "leads out of it")
    assert [file.name for file in tmp_path.iterdir()] == ["m.zoo"]


def test_two_members_with_one_name_are_refused(tmp_path):
    fitted("dummy").save(tmp_path / "m.zoo")
    with (
        zipfile.ZipFile(tmp_path / "m.zoo", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("model.json", b"{}")
    assert_refused(tmp_path / "m.zoo", "comes twice")


def test_a_zip_bomb_is_refused_before_unpacking(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"0" * 1000)
        archive.writestr("b.npy", b"0" * 1000)
    size = (1000).to_bytes(4, "little")
    bomb = stream.getvalue().replace(size, (0xFFFFFFF0).to_bytes(4, "little"))
    (tmp_path / "m.zoo").write_bytes(bomb)
    assert_refused(tmp_path / "m.zoo", "members of 4 GiB", "2 of 8.0 GiB", "max_gib")


def test_the_limit_of_memory_is_an_argument(tmp_path):
    fitted("decision_tree").save(tmp_path / "m.zoo")
    assert zoo.load_model(tmp_path / "m.zoo", max_gib=0.01)
    with pytest.raises(ModelFileError, match="max_gib"):
        zoo.load_model(tmp_path / "m.zoo", max_gib=1e-5)
    members = saved(fitted("decision_tree"), tmp_path / "m.zoo")
    header = json.loads(members["model.json"])
    header["params"]["max_depth"] = [[]] * 100_000  # 0.4 MB that would take 10 MB
    write(tmp_path / "m.zoo", {**members, "model.json": header})
    with pytest.raises(ModelFileError, match="its text may take"):
        zoo.load_model(tmp_path / "m.zoo", max_gib=0.005)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_packing_are_refused(method, tmp_path):
    members = saved(fitted("dummy"), tmp_path / "m.zoo")
    with zipfile.ZipFile(tmp_path / "m.zoo", "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert_refused(tmp_path / "m.zoo", "packed in another way")


def test_an_array_that_says_it_is_large_takes_no_memory(tmp_path):
    members = saved(fitted("logistic"), tmp_path / "m.zoo")
    name = next(name for name in members if name.endswith("model_.npy"))
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(stream, header)
    header = json.loads(members["model.json"])
    write(tmp_path / "m.zoo", {**members, "model.json": header, name: stream.getvalue()})
    assert_refused(tmp_path / "m.zoo", "an array of shape (1000000, 1000000) and the model")


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_pickle_in_an_array_is_not_run(tmp_path):
    members = saved(fitted("perceptron_rosenblatt"), tmp_path / "m.zoo")
    name = next(name for name in members if name.endswith("coef_.npy"))
    evil = npy(np.array([Payload(tmp_path / "ran")], dtype=object))
    header = json.loads(members["model.json"])
    write(tmp_path / "m.zoo", {**members, "model.json": header, name: evil})
    assert_refused(tmp_path / "m.zoo", "expected an array of numbers", "|O")
    assert not (tmp_path / "ran").exists()


def changed_header(model, path, change):
    """Save a model, and write it with what `change` makes of the header."""
    members = saved(model, path)
    header = json.loads(members["model.json"])
    change(header)
    write(path, {**members, "model.json": header})


def set_in(node, *path_and_value):
    """Set what nodes of dicts have at a path of names."""
    *path, last, value = path_and_value
    for name in path:
        node = dict(node["dict"])[name]
    for pair in node["dict"]:
        if pair[0] == last:
            pair[1] = value
            return
    node["dict"].append([last, value])


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("decision_tree", "GradientBoostingClassifier"),
        ("decision_tree", "DecisionTreeRegressor"),
        ("logistic", "set_config"),
        ("random_forest", "DecisionTreeClassifier"),
        ("xgboost", "set_config"),
        ("xgboost", "XGBRFClassifier"),
        ("lightgbm", "LGBMRanker"),
    ],
)
def test_only_the_class_that_the_estimator_makes_is_made(name, other, tmp_path):
    path = tmp_path / "m.zoo"
    changed_header(fitted(name), path, lambda h: set_in(h["state"]["model_"], "class", other))
    assert_refused(path, "expected a ", f"got '{other}'")


def test_a_model_of_another_estimator_is_refused(tmp_path):
    forest = saved(fitted("random_forest"), tmp_path / "forest.zoo")
    tree = saved(fitted("decision_tree"), tmp_path / "tree.zoo")
    headers = [json.loads(members["model.json"]) for members in (tree, forest)]
    headers[0]["state"] = headers[1]["state"]
    write(tmp_path / "m.zoo", {**forest, "model.json": headers[0]})
    assert_refused(tmp_path / "m.zoo", "expected a DecisionTreeClassifier")


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("svm_rbf", ("params", "kernel"), "precomputed"),
        ("svm_rbf", ("learnt", "_impl"), "nu_svc"),
        ("svm_rbf", ("learnt", "_sparse"), True),
        ("knn", ("params", "weights"), "uniform"),
        ("knn", ("params", "n_neighbors"), 10**6),
        ("knn", ("learnt", "_fit_method"), "kd_tree"),
        ("knn", ("learnt", "n_samples_fit_"), 10**6),
        ("random_forest", ("params", "n_jobs"), 65535),
        ("random_forest", ("parts", "max_features"), -1),
        ("xgboost", ("params", "n_jobs"), 65535),
        ("xgboost", ("params", "device"), "cuda"),
        ("lightgbm", ("parts", "best_iteration"), 99),
        ("lightgbm", ("params", "verbose"), 5),
        ("hist_gradient_boosting", ("params", "max_bins"), 3),
        ("naive_bayes", ("learnt", "epsilon_"), {"float": "nan"}),
        ("logistic", ("learnt", "sparsify"), 1),
        ("dummy", ("learnt", "_strategy"), "constant"),
    ],
)
def test_a_value_that_the_estimator_would_not_set_is_refused(name, where, value, tmp_path):
    path = tmp_path / "m.zoo"
    changed_header(fitted(name), path, lambda h: set_in(h["state"]["model_"], *where, value))
    assert_refused(path, "is not a model as this zoo would write it")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("lightgbm", {"n_jobs": 65535}),
        ("xgboost", {"n_jobs": -65535}),
        ("random_forest", {"n_jobs": 1.5}),
        ("hist_gradient_boosting", {"n_jobs": True}),
        ("knn", {"n_neighbors": 10**12}),
        ("logistic", {"C": "1"}),
        ("logistic", {"C": {"float": "nan"}}),
        ("mlp", {"units": [8]}),
        ("mlp_plr", {"units": "888"}),
        ("cnn", {"image_shape": {"tuple": ["4", 4, 1]}}),
    ],
)
def test_parameters_of_other_types_or_beyond_their_range_are_refused(name, params, tmp_path):
    path = tmp_path / "m.zoo"
    changed_header(fitted("decision_tree"), path, lambda h: h.update(model=name, params=params))
    assert_refused(path, f"as '{next(iter(params))}'", "expected")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("tabm", {"k": 100_000}),
        ("tabm", {"units": 5_000}),
        ("realmlp", {"n_hidden": 100_000}),
        ("deep_mlp", {"n_hidden": 2**32}),
        ("ft_transformer", {"n_blocks": 1_500}),
        ("wide_deep", {"max_crossings": 2**32}),
        ("mlp_plr", {"units": [9] * 4_000}),
        ("torch_mlp", {"n_hidden": 2**32}),
        ("resnet", {"hidden_factor": 1e30}),
        ("modern_nca", {"n_frequencies": 2**31}),
    ],
)
def test_a_network_that_its_parameters_make_larger_is_not_built(name, params):
    if name not in ALL:
        pytest.skip(f"{name} needs the extra '{zoo.spec(name).extra}', which is not installed")
    import keras

    frame, _ = messy_table()
    model = zoo.make(name, **params)
    model._encode_fit(frame, None, is_named=True)
    model.n_inputs_, model.n_outputs_ = len(model.encoder_.is_categorical_), 3
    with pytest.MonkeyPatch.context() as patch:
        # whatever takes memory assigns a value
        patch.setattr(keras.Variable, "_initialize", None)
        with contextlib.suppress(ValueError):
            assert len(model._weight_shapes(12, 9_000)) < 60


def test_weights_of_other_shapes_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "m.zoo"
    members = saved(fitted("mlp"), path)
    name = next(name for name in members if name.endswith("weights_.npy"))
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1000, 1000)}
    np.lib.format.write_array_header_1_0(stream, header)
    # without its numbers: they are not looked for
    write(
        path, {**members, "model.json": json.loads(members["model.json"]), name: stream.getvalue()}
    )
    assert_refused(path, "weights of the network that parameters say", "(1000, 1000)")
    changed_header(fitted("mlp"), path, lambda header: header["params"].update(units=9_000))
    assert_refused(path, "weights of the network that parameters say", "9000")


@pytest.mark.parametrize(
    ("name", "member"), [("mlp", "weights_.npy"), ("perceptron_rosenblatt", "coef_.npy")]
)
@pytest.mark.parametrize("change", ["columns", "dimensions", "too few numbers"])
def test_arrays_of_another_shape_are_refused(name, member, change, tmp_path):
    members = saved(fitted(name), tmp_path / "m.zoo")
    member = next(key for key in members if key.endswith(member))
    with zipfile.ZipFile(tmp_path / "m.zoo") as archive:
        array = np.load(io.BytesIO(archive.read(member)))
    data = {
        "columns": npy(array[:, :-1]),
        "dimensions": npy(array[None]),
        "too few numbers": npy(array)[:-4],
    }[change]
    header = json.loads(members["model.json"])
    write(tmp_path / "m.zoo", {**members, "model.json": header, member: data})
    assert_refused(tmp_path / "m.zoo", "is not a model as this zoo would write it")


def test_an_encoder_whose_parts_do_not_fit_is_refused(tmp_path):
    members = saved(fitted("logistic"), tmp_path / "m.zoo")
    for key, value in [
        ("kinds", ["number"]),
        ("kinds", ["no such kind"] * 8),
        ("category_names", [["a"]]),
        ("has_indicator", [True]),
        ("number_scaling", {"dict": [["center", [0.0]], ["factor", [1.0]]]}),
        ("categories", "other"),
    ]:
        header = json.loads(members["model.json"])
        parts = header["state"]["encoder_"]["encoder"]["dict"]
        header["state"]["encoder_"]["encoder"]["dict"] = [
            [name, value if name == key else old] for name, old in parts
        ]
        write(tmp_path / "m.zoo", {**members, "model.json": header})
        assert_refused(tmp_path / "m.zoo", "save the model again")


@pytest.mark.parametrize("points_to", [10**6, 0])
@pytest.mark.parametrize("name", ["decision_tree", "random_forest", "hist_gradient_boosting"])
def test_a_tree_with_indices_out_of_range_or_cycles_is_refused(name, points_to, tmp_path):
    X, y = task_of(name, "classification")
    model = make(name).fit(X, y)
    if name == "hist_gradient_boosting":
        model.model_._predictors[0][0].nodes["left"][0] = points_to
    else:
        tree = getattr(model.model_, "estimators_", [model.model_])[-1].tree_
        state = tree.__getstate__()
        state["nodes"]["left_child"][0] = points_to
        tree.__setstate__(state)
    model.save(tmp_path / "m.zoo")
    assert_refused(tmp_path / "m.zoo", "a tree's branches and columns do not fit each other")


def test_members_that_are_no_part_of_the_model_are_refused(tmp_path):
    members = saved(fitted("dummy"), tmp_path / "m.zoo")
    header = json.loads(members["model.json"])
    write(tmp_path / "m.zoo", {**members, "model.json": header, "arrays/9-x.npy": npy(np.ones(9))})
    assert_refused(tmp_path / "m.zoo", "'arrays/9-x.npy' is not a part of the model")


def test_a_large_network_for_use_outside_is_refused(tmp_path):
    members = saved(fitted("perceptron"), tmp_path / "m.zoo")
    header = json.loads(members["model.json"])
    large = {**members, "model.json": header, "network.keras": bytes(2**27)}
    write(tmp_path / "m.zoo", large)
    assert_refused(tmp_path / "m.zoo", "larger than its weights")


def test_half_characters_are_refused(tmp_path):
    changed_header(
        fitted("dummy"),
        tmp_path / "m.zoo",
        lambda h: h["state"].update(feature_names_in_={"objects": ["\ud800"] * 8}),
    )
    assert_refused(tmp_path / "m.zoo", "half a character")
    halves = np.array(["\ud800", "b"], dtype=object)
    with pytest.raises(ModelFileError, match="plain data"):
        make("dummy").fit(np.ones((2, 1)), halves).save(tmp_path / "n.zoo")


def test_a_parameter_of_another_type_is_not_saved(tmp_path):
    model = make("decision_tree").fit(np.arange(40.0).reshape(20, 2), ["a", "b"] * 10)
    with pytest.raises(ModelFileError, match=r"expected int or None within .* as 'max_depth'"):
        model.set_params(max_depth=5.0).save(tmp_path / "m.zoo")


@pytest.mark.parametrize("class_name", ["Lambda", "__lambda__", "L\\u0061mbda"])
def test_a_keras_member_with_a_lambda_is_refused(class_name, tmp_path):
    members = saved(fitted("mlp"), tmp_path / "m.zoo")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", '{"layers": [{"class_name": "' + class_name + '"}]}')
    header = json.loads(members["model.json"])
    changed = {**members, "model.json": header, "network.keras": stream.getvalue()}
    write(tmp_path / "m.zoo", changed)
    assert_refused(tmp_path / "m.zoo", "lambda, which is code")


def test_zoo_names_load_model_without_importing_numpy():
    code = "import sys, zoo; assert 'load_model' in dir(zoo); print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


# --- indices and shapes that native code does not check ----------------------------------------


@functools.cache
def with_sets(name, task):
    """A boosting model whose trees split on sets of categories, and on numbers too."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"n": rng.normal(size=600), "c": rng.choice(list("abcdefghij"), 600)})
    score = X["c"].isin(["a", "c", "e", "h"]) + 0.3 * X["n"]
    y = score if task == "regression" else np.digitize(score, [0.2, 0.8])
    return make(name, task, n_estimators=5).fit(X, y), X


def first_tree(data):
    """The first of XGBoost's trees that has both kinds of splits."""
    trees = data["learner"]["gradient_booster"]["model"]["trees"]
    return next(tree for tree in trees if {0, 1} <= {*tree["split_type"]} and tree["categories"])


def in_tree(name, position, value):
    def change(data):
        first_tree(data)[name][position] = value

    return change


def in_model(*path):
    *path, key, value = path

    def change(data):
        for step in path:
            data = data[step]
        data[key] = value

    return change


GBTREE = ("learner", "gradient_booster", "model")
XGBOOST = {
    "child past the end": in_tree("left_children", 0, 10**6),
    "right child past the end": in_tree("right_children", 0, 10**6),
    "child before its parent": in_tree("left_children", 0, 0),
    "child below zero": in_tree("right_children", 0, -7),
    "child that is not whole": in_tree("left_children", 0, 1.5),
    "feature past the columns": in_tree("split_indices", 0, 2),
    "feature below zero": in_tree("split_indices", 0, -1),
    "parent past the end": in_tree("parents", 1, 10**6),
    "set past the categories": in_tree("categories_segments", 0, 10**6),
    "set that is too long": in_tree("categories_sizes", 0, 10**6),
    "set of another node": in_tree("categories_nodes", 0, 10**6),
    "category below zero": in_tree("categories", 0, -1),
    "category too large": in_tree("categories", 0, 2**31 - 1),
    "list cut short": lambda data: first_tree(data)["sum_hessian"].pop(),
    "children cut short": lambda data: first_tree(data)["left_children"].pop(),
    "nodes that are not there": lambda data: first_tree(data)["tree_param"].update(num_nodes="99"),
    "vectors in leaves": lambda data: first_tree(data)["tree_param"].update(size_leaf_vector="9"),
    "class past the end": in_model(*GBTREE, "tree_info", 0, 99),
    "class below zero": in_model(*GBTREE, "tree_info", 0, -1),
    "trees that are not there": in_model(*GBTREE, "gbtree_model_param", "num_trees", "99"),
    "iteration past the end": in_model(*GBTREE, "iteration_indptr", -1, 99),
    "iterations that go back": in_model(*GBTREE, "iteration_indptr", 1, -5),
    "another booster": in_model("learner", "gradient_booster", "name", "dart"),
    "other categories": in_model(*GBTREE, "cats", "sorted_idx", [5]),
    "targets": in_model("learner", "learner_model_param", "num_target", "3"),
    "more columns": in_model("learner", "learner_model_param", "num_feature", "9"),
    "the number of another tree": in_model(*GBTREE, "trees", 1, "id", 0),
    "no trees": in_model(*GBTREE, "trees", []),
    "an unknown part": in_model("learner", "more", 1),
    "another objective": in_model("learner", "objective", "name", "reg:gamma"),
    "a score that is text": in_model("learner", "learner_model_param", "base_score", "[x]"),
    "two scores": in_model("learner", "learner_model_param", "base_score", "[0.5,0.5]"),
    "a best iteration past the end": in_model("learner", "attributes", "best_iteration", "99"),
    "other types of columns": in_model("learner", "feature_types", ["c", "q"]),
    "names of columns": in_model("learner", "feature_names", ["a", "b"]),
    "a version that is text": in_model("version", 0, "3"),
    "a condition that is huge": in_tree("split_conditions", 0, 1e39),
    "a condition that is text": in_tree("split_conditions", 0, "1"),
    "a flag that is two": in_tree("default_left", 0, 2),
    "a kind of split that is three": in_tree("split_type", 0, 3),
    "two parents": lambda data: first_tree(data)["left_children"].__setitem__(
        0, first_tree(data)["right_children"][0]
    ),
    "columns with an underscore": in_model("learner", "learner_model_param", "num_feature", "0_2"),
}


def refused_member(model, path, change):
    """Write `model` with one member of a library changed; loading must refuse it."""
    members = saved(model, path)
    key = next(key for key in members if key.startswith("library/"))
    data = change(members[key])
    assert data != members[key]
    write(path, {**members, "model.json": json.loads(members["model.json"]), key: data})
    assert_refused(path, "is not a model as this zoo would write it", "Error: ")


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("change", XGBOOST)
def test_an_xgboost_model_with_indices_out_of_range_is_refused(change, task, tmp_path):
    def changed(data):
        model = json.loads(data)
        XGBOOST[change](model)
        return json.dumps(model).encode()

    refused_member(with_sets("xgboost", task)[0], tmp_path / "m.zoo", changed)


def test_an_xgboost_model_with_a_duplicate_key_is_refused(tmp_path):
    def changed(data):
        return data.replace(b'"num_target"', b'"num_target":"1","num_target"')

    model, _ = with_sets("xgboost", "regression")
    refused_member(model, tmp_path / "m.zoo", changed)


LIGHTGBM = {
    "child past the end": (r"left_child=-?\d+", "left_child=9999"),
    "leaf past the end": (r"right_child=-?\d+", "right_child=-9999"),
    "child before its parent": (r"left_child=-?\d+", "left_child=0"),
    "child with an underscore": (r"left_child=(-?\d+)", r"left_child=0_\1"),
    "feature past the columns": (r"split_feature=\d+", "split_feature=2"),
    "feature below zero": (r"split_feature=\d+", "split_feature=-1"),
    "set past the end": (
        r"(?s)threshold=\S+(.*?)decision_type=\d+",
        r"threshold=77\1decision_type=1",
    ),
    "bound past the end": (r"(cat_boundaries=.*) \d+", r"\1 99999"),
    "bounds that go back": (r"cat_boundaries=0", "cat_boundaries=9"),
    "leaves that are not there": (r"num_leaves=\d+", "num_leaves=999"),
    "no leaves": (r"num_leaves=\d+", "num_leaves=0"),
    "no objective": (r"objective=.*", "objective="),
    "an objective with more": (r"(objective=.*)", r"\1 sigmoid:2"),
    "a weight too few": (r"leaf_weight=\S+ ", "leaf_weight="),
    "a count too few": (r"leaf_count=\S+ ", "leaf_count="),
    "a value that is text": (r"leaf_value=\S+", "leaf_value=x"),
    "a value that is not finite": (r"leaf_value=\S+", "leaf_value=nan"),
    "a value that is huge": (r"leaf_value=\S+", "leaf_value=1e999"),
    "a threshold that is text": (r"threshold=\S+", "threshold=0x10"),
    "a kind of missing values": (r"decision_type=\d+", "decision_type=14"),
    "a kind of split": (r"decision_type=\d+", "decision_type=99"),
    "two blanks": (r"leaf_value=(\S+) ", r"leaf_value=\1  "),
    "another order": (r"(num_cat=.*)\n(split_feature=.*)", r"\2\n\1"),
    "an unknown line": (r"(num_cat=\d+)", r"\1\nnum_dogs=1"),
    "the number of another tree": (r"Tree=\d+", "Tree=77"),
    "other names": (r"feature_names=Column_0", "feature_names=Column_1"),
    "an interval that is text": (r"feature_infos=\S+", "feature_infos=[a:b]"),
    "a huge number of categories": (r"cat_threshold=\d+", "cat_threshold=99999999999"),
    "leaf cut short": (r"leaf_value=\S+ ", "leaf_value="),
    "linear leaves": (r"is_linear=0", "is_linear=1"),
    "a line twice": (r"(num_cat=\d+)", r"\1\n\1"),
    "a line with a space": (r"\nnum_cat=", r"\n num_cat=9\nnum_cat="),
    "another end of line": (r"(num_cat=\d+)", r"\1\rnum_leaves=999"),
    "trees per iteration": (r"num_tree_per_iteration=\d+", "num_tree_per_iteration=4"),
    "classes": (r"num_class=\d+", "num_class=2"),
    "classes of the objective": (r"objective=.*", "objective=multiclass num_class:9"),
    "more columns": (r"max_feature_idx=1", "max_feature_idx=8"),
    "fewer columns": (r"max_feature_idx=1", "max_feature_idx=0"),
    "no sizes": (r"tree_sizes=.*\n", ""),
    "an early end": (r"tree_sizes=", "end of trees\ntree_sizes="),
}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("change", LIGHTGBM)
def test_a_lightgbm_model_with_indices_out_of_range_is_refused(change, task, tmp_path):
    def changed(data):
        head, *trees = re.split(r"(?m)^(?=Tree=)", data.decode())
        # a tree with sets, so that every line is present
        number = next(i for i, tree in enumerate(trees) if "cat_threshold" in tree)
        pattern, to = LIGHTGBM[change]
        head = re.sub(pattern, to, head, count=1)
        trees[number] = re.sub(pattern, to, trees[number], count=1)
        sizes = " ".join(str(len(tree.partition("end of trees\n")[0])) for tree in trees)
        head = re.sub(r"(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", head)
        return (head + "".join(trees)).encode()

    refused_member(with_sets("lightgbm", task)[0], tmp_path / "m.zoo", changed)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "hist_gradient_boosting"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_boosters_with_sets_of_categories_are_saved(name, task, tmp_path):
    model, X = with_sets(name, task)
    model.save(tmp_path / "m.zoo")
    assert_same(model, zoo.load_model(tmp_path / "m.zoo"), X)


def _counts(model):
    model._n_support = model._n_support + 1000


def _cut(name, axis=0):
    def change(model):
        array = np.asarray(getattr(model, name))
        setattr(model, name, np.ascontiguousarray(np.delete(array, -1, axis=axis)))

    return change


def _set(name, value):
    return lambda model: setattr(model, name, value)


def _nodes(field, value):
    """Change the first node of each tree of histogram gradient boosting."""

    def change(model):
        for trees in model._predictors:
            for tree in trees:
                tree.nodes[field][0] = value

    return change


FITTED = {
    "svm_rbf": {
        "fewer vectors": _cut("support_vectors_"),
        "fewer columns": _cut("support_vectors_", axis=1),
        "fewer coefficients": _cut("_dual_coef_", axis=1),
        "fewer intercepts": _cut("_intercept_"),
        "fewer classes": _cut("_n_support"),
        "odd probabilities": _set("_probA", np.zeros(77)),
        "another kernel": _set("kernel", "precomputed"),
        "another machine": _set("_impl", "nu_svc"),
        "sparse": _set("_sparse", True),
    },
    "knn": {
        "fewer rows": _cut("_fit_X"),
        "fewer columns": _cut("_fit_X", axis=1),
        "fewer targets": _cut("_y"),
        "more rows": _set("n_samples_fit_", 10**6),
        "a tree": _set("_fit_method", "kd_tree"),
        "equal votes": _set("weights", "uniform"),
    },
    "hist_gradient_boosting": {
        "columns past the end": _nodes("feature_idx", 9),
        "sets past the end": _nodes("bitset_idx", 9999),
        "flags that are two": _nodes("is_categorical", 2),
        "fewer sets": lambda model: [
            _cut("raw_left_cat_bitsets")(tree) for trees in model._predictors for tree in trees
        ],
        "categories that are not told": _nodes("is_categorical", 0),
        "a wider baseline": _set("_baseline_prediction", np.zeros((1, 7))),
        "a baseline that is no number": _set("_baseline_prediction", np.full((1, 1), np.nan)),
        "bounds that fall": lambda model: model._bin_mapper.bin_thresholds_.__setitem__(
            1, model._bin_mapper.bin_thresholds_[1][::-1]
        ),
    },
}
ODD = [
    (name, task, change)
    for name, changes in FITTED.items()
    for change in changes
    for task in zoo.spec(name).tasks
]


@pytest.mark.parametrize(("name", "task", "change"), ODD)
def test_a_fitted_object_whose_parts_do_not_fit_is_refused(name, task, change, tmp_path):
    if name == "hist_gradient_boosting":
        model = copy.deepcopy(with_sets(name, task)[0])
    else:
        model = copy.deepcopy(fitted(name, task))
    FITTED[name][change](model.model_)
    assert_refused_at_once(model, tmp_path / "m.zoo")


@pytest.mark.parametrize(
    ("name", "change"),
    [("svm_rbf", _counts), ("knn", lambda model: model._y.__iadd__(1000))],
    ids=["svm_rbf", "knn"],
)
def test_counts_and_codes_of_classes_past_the_end_are_refused(name, change, tmp_path):
    model = copy.deepcopy(fitted(name))
    change(model.model_)
    assert_refused_at_once(model, tmp_path / "m.zoo")


def assert_refused_at_once(model, path):
    with pytest.raises(ModelFileError, match=r"fit each other|as its estimator sets it"):
        model.save(path)
        zoo.load_model(path)


TREE = {
    "nodes without dimensions": ("left_child", lambda values: values[0]),
    "fewer nodes": ("feature", lambda values: values[:-1]),
    "nodes of another type": ("left_child", lambda values: values.astype("i4")),
    "values of two dimensions": ("values", lambda values: values[:, 0]),
    "values of another width": ("values", lambda values: np.repeat(values, 3, axis=2)),
    "values that are no numbers": ("values", lambda values: values * np.nan),
    "values that sum to nothing": ("values", lambda values: values * 0.0),
    "counts that are negative": ("counts", lambda values: -values),
    "counts past the end": ("counts", lambda values: values + 1),
    "children that are their own": ("left_child", lambda values: values * 0),
    "leaves with a child": ("right_child", lambda values: np.where(values < 0, 1, values)),
    "columns past the end": ("feature", lambda values: values + 999),
    "columns below zero": ("feature", lambda values: values - 999),
    "no bound": ("threshold", lambda values: values * np.nan),
    "a flag that is two": ("missing_go_to_left", lambda values: values + 2),
    "a negative depth": ("depths", lambda values: -values - 1),
}


@pytest.mark.parametrize("change", TREE)
@pytest.mark.parametrize("name", ["decision_tree", "random_forest"])
def test_the_arrays_of_a_tree_are_checked_before_the_library_has_them(name, change, tmp_path):
    path = tmp_path / "m.zoo"
    members = saved(fitted(name), path)
    header = json.loads(members["model.json"])
    part, changed = TREE[change]
    parts = dict(dict(header["state"]["model_"]["dict"])["parts"]["dict"])
    member = dict(parts["trees"]["dict"])[part]["array"]
    values = np.load(io.BytesIO(members[member]))
    write(path, {**members, "model.json": header, member: npy(np.asarray(changed(values)))})
    assert_refused(path, "fit each other")

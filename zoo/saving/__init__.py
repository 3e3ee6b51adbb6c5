"""Saves fitted models to files: one zip of plain data; loading runs no code from the file.

``model.json`` holds the model's name, parameters, learnt state and a digest of every other member.
``arrays/`` holds arrays in numpy's own format, ``library/`` the trees of XGBoost (JSON) and of
LightGBM (text). A library's model is made by its estimator, from parameters of a declared type and
range. Its learnt attributes are set once type, shape and range of each have been checked; XGBoost
and LightGBM get text that is written anew from what was checked. A network is saved as its weights;
their shapes are compared with those that its parameters imply before anything is built.
``network.keras`` is for use outside zoo and is never loaded here.

`tests/fuzz` tries mutated files of every model.
"""

from zoo.saving.model_file import load_model, load_table, save_model

__all__ = ["load_model", "load_table", "save_model"]

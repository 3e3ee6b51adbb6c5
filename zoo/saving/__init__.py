"""Saves fitted models to files: one zip of plain data; loading runs no code from the file.

``model.json`` holds the model's name, parameters, learnt state and a digest of every other member.
``arrays/`` holds arrays in numpy's own format, ``library/`` what XGBoost (JSON), LightGBM (text)
and skops (for scikit-learn) write. A network is saved as its weights and rebuilt from class and
parameters; ``network.keras`` is for use outside zoo and is never loaded here.
"""

from zoo.saving.model_file import load_model, load_table, save_model

__all__ = ["load_model", "load_table", "save_model"]

"""Fitted models in files: one zip of plain data, from which loading runs none of a stranger's code.

``model.json`` holds names, parameters, what was learnt and the digest of every other member.
``arrays/`` holds arrays in numpy's own format, ``library/`` what XGBoost (JSON), LightGBM (text)
and skops (for scikit-learn) write. Of a network its weights are kept, and the rest is rebuilt from
class and parameters; ``network.keras`` is there for use outside zoo and is never loaded here.
"""

from zoo.saving.model_file import load_model, load_table, save_model

__all__ = ["load_model", "load_table", "save_model"]

"""Fitted models as files of other runtimes: LiteRT for phones, ONNX, SavedModel."""

from zoo.export.exporting import FORMATS, Export, export_model, why_not

__all__ = ["FORMATS", "Export", "export_model", "why_not"]

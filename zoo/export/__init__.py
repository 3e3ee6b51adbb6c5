"""Exports fitted models to files of other runtimes: LiteRT for phones, ONNX, SavedModel."""

from zoo.export.exporting import FORMATS, Export, Refusal, export_model, why_not

__all__ = ["FORMATS", "Export", "Refusal", "export_model", "why_not"]

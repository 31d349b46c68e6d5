"""Trained models of other libraries: boosted trees, torch, ONNX."""

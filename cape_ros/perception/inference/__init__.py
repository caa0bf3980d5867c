"""Inference on a device: crops, batches, CUDA graphs, OpenVINO."""

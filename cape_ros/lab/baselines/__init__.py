"""Baselines: POMNet, ProtoNet, and two that need no training."""

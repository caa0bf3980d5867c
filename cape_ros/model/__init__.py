"""CapeFormer in PyTorch: tensors in, tensors out."""

from cape_ros.model.capeformer import Attention, CapeFormer, CapeOutput, KeypointTokens
from cape_ros.model.config import CapeFormerConfig

__all__ = ["Attention", "CapeFormer", "CapeFormerConfig", "CapeOutput", "KeypointTokens"]

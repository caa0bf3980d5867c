"""Networks and anchors to compare with."""

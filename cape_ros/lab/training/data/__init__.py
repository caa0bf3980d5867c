"""What a network is trained and measured on: annotated objects, and views of them."""

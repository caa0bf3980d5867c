"""Further shots of a category from confident views of a tracked object."""

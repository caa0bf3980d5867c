"""One thread that owns the model: frames and commands in, results out."""

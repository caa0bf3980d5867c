"""The application without a transport: one thread owns the model, for frames and commands."""

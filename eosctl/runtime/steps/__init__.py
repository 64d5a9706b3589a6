"""How each step is done: one file a noun, each with its HANDLERS. See `runtime/handler.py` for what a handler is."""

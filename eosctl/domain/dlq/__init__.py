"""Dead letters: how each framework marks them, which are selected, how a replayed one is known again. Pure rules."""

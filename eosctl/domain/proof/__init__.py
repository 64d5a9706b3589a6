"""The crash test's rules: what is sent, which faults are drawn, how effects are counted, what the verdict is. Pure."""

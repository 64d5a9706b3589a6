"""Ways to exactly-once: the strategies as data, the decision tree as data, and pure rules that walk it."""

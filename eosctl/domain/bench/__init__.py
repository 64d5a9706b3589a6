"""What a measurement is, pure: cells and their twins, ratios with intervals, the textbook beside them, advice."""

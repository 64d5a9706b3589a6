"""What `check` measures and judges: units, limits, levels, measures, and what the profile's `checks` section says."""

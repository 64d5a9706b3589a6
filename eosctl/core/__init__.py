"""What every room speaks: operations, plans, results, errors, durations. Imports nothing of ours outside core."""

SELECT current_setting('track_commit_timestamp')::bool AS tracked

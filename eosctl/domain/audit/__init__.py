"""The audit behind `doctor`: facts that were seen, rules that judge them, findings. Pure, but for parsing text."""

"""The commands, by absl flags."""

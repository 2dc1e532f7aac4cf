"""The part of the shop that knows no web framework: its steps and its workflows."""

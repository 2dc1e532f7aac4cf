"""Pure values and rules: no I/O, no third-party library, nothing above this package."""

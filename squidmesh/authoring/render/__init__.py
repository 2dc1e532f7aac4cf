"""One module per output format of diagnostics."""

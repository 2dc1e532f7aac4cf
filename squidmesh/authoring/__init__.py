"""YAML text to a compiled workflow, or to diagnostics; never reaches the database."""

"""What moves runs: deciding is pure, doing is one guarded transaction."""

"""What a step type is: the contract of a callable, its registry, what it is called with."""

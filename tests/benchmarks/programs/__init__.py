"""Programs that run in a process of their own: the floor, and the peers."""

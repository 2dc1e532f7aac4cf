"""``python -m squidmesh`` is the command line."""

from squidmesh.cli.main import main

main()

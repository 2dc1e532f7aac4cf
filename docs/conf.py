"""How Sphinx builds these pages: ``sphinx-build -W docs build/docs``."""

import squidmesh

project = "Squid Mesh"
copyright = "the Squid Mesh contributors"  # noqa: A001 - the name that Sphinx reads
release = version = squidmesh.__version__

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["generate"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # the rules show YAML that is none
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = "Squid Mesh"
html_theme_options = {"navigation_with_keys": True}

"""How Sphinx makes the pages. docs/build.sh hands it a copy of this folder, the generated reference added."""

project = "safesecrets.infra"
copyright = "2026 SafeSecrets infrastructure team"  # noqa: A001 - Sphinx's name for it
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "sphinx_rtd_theme"
html_title = "safesecrets.infra"
html_show_sphinx = False
# The generated reference reads better with the colours of ansible's own pages.
pygments_style = "ansible"
exclude_patterns = ["schemas"]
# The reference names labels of ansible's own documentation, which is not built here. Links between the texts are
# another kind, and stay checked.
suppress_warnings = ["ref.ref"]

"""Sphinx configuration of the documentation site; `make docs` builds it with warnings as errors."""

from importlib.metadata import version as installed_version

project = "mlops_assets"
author = "the mlops_assets developers"
project_copyright = author
release = version = installed_version("mlops-assets")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_generate", "**.ipynb_checkpoints"]
default_role = "code"  # single backticks in docstrings are code
nitpicky = True
# Nothing is fetched at build time, so names of other libraries have no target.
nitpick_ignore_regex = [("py:.*", r"(?!mlops_assets\.).*")]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # a test executes the notebook

autodoc_typehints = "none"  # numpydoc sections and signatures name the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "mlops_assets"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 1,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "getting_started": [], "concepts": []}

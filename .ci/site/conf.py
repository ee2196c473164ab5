"""Settings of Sphinx for the notebooks as a site; .ci/site.py prepares the pages and runs it."""
from importlib.util import find_spec
from pathlib import Path

from sphinx.util.fileutil import copy_asset_file

project, author, copyright = "lanenb", "The lanenb authors", "2026 onwards, the lanenb authors"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
nb_execution_mode = "off"                                   # committed outputs are shown, nothing is run
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_dmath_double_inline = True                # Jupyter takes $$ in the middle of a paragraph, too
html_theme, html_title = "furo", "lanenb"
html_theme_options = {"navigation_with_keys": True}
html_static_path = [str(Path(__file__).with_name("static"))]
html_js_files = [("local.js", {"priority": 250})]
html_css_files = ["site.css"]
html_copy_source = html_show_sphinx = False
mathjax_path = "tex-svg.js"                                 # its glyphs are inside: one file, no fonts, nothing from a network


def mathjax(app, fault):
    "Put that one file of MathJax 3 (Apache 2.0) beside the pages."
    package = Path(find_spec("sphinx-mathjax-offline").origin).parent
    if fault is None: copy_asset_file(package / "static" / "mathjax" / "tex-svg.js", Path(app.outdir) / "_static")


def setup(app): app.connect("build-finished", mathjax)

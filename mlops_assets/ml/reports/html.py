"""Rendering of self-contained HTML pages."""

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.ml.number_format import duration, number, parameter, share_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render_page(template: str, **values: Any) -> str:
    """Render a template of this package.

    Values are escaped, and a missing value is an error.
    """
    loader = PackageLoader("mlops_assets.ml.reports")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "number": number,
        "parameter": parameter,
        "duration": duration,
        "bytes": format_bytes,
        "share": share_text,
    }
    return environment.get_template(template).render(values)


def data_uri(figure: "Figure") -> str:
    """A figure as a data URI for the `src` of an `img` element."""
    from mlops_assets.ml.reports.plots import (
        predictions as prediction_plots,  # matplotlib, which a page without figures spares
    )

    return "data:image/png;base64," + b64encode(prediction_plots.figure_png(figure)).decode("ascii")

"""Pages lack nothing silently."""

import pytest
from jinja2 import UndefinedError

from mlops_assets.ml.reports.html import render_page


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(UndefinedError, match="backtest"):
        render_page("backtest.html.j2")

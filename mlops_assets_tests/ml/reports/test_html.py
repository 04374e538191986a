"""Pages are rendered only with all of their values."""

import pytest
from jinja2 import UndefinedError

from mlops_assets.ml.reports.html import render_page


def test_a_missing_value_of_a_template_is_an_error():
    with pytest.raises(UndefinedError, match="backtest"):
        render_page("backtest.html.j2")

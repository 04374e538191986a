"""If one of these fails, pandera changed where a check keeps its function and its arguments."""

from copy import deepcopy

import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_assets.compat.pandera import check_arguments, check_function, implementations


def test_a_built_in_check_has_the_registered_function_and_its_arguments():
    check = pa.Check.in_range(1, 2, include_max=False)
    assert check_function(check) is pa.Check.get_builtin_check_fn("in_range")
    assert check_arguments(check) == {
        "min_value": 1,
        "max_value": 2,
        "include_min": True,
        "include_max": False,
    }


@pytest.mark.parametrize("bound", [0, 2])
def test_a_users_check_is_called_as_pandera_calls_it(bound):
    check = pa.Check(lambda column, least: column >= least, least=bound)
    values = pd.Series([1, 3])
    called = check_function(check)(values, **check_arguments(check))
    assert called.tolist() == check(values).check_output.tolist()


def test_a_copy_of_a_built_in_check_has_the_same_implementations():
    check, copied = pa.Check.gt(0), deepcopy(pa.Check.gt(0))
    assert check_function(copied) is not check_function(check)
    assert implementations(check_function(copied)) == implementations(check_function(check))
    assert implementations(check_function(copied)) != implementations(check_function(pa.Check.ge(0)))
    assert implementations(len) == (len,)

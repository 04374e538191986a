"""Facts about a request."""

import re

import pytest

from mlops_assets.serving.http.request_facts import request_facts


def _scope(*values: bytes):
    return {"type": "http", "headers": [(b"x-request-id", value) for value in values]}


def test_the_facts_of_a_request_are_the_same_at_every_call():
    scope = _scope(b"order-17")
    request_facts(scope).mark_scored("churn", 3, 2)
    found = request_facts(scope)
    assert (found.request_id, found.project, found.version, found.rows) == ("order-17", "churn", 3, 2)
    assert found.scored is not None
    assert found.scored >= found.started


@pytest.mark.parametrize("value", [b"", b"a" * 65, b"a b", b"<script>", b"a\xe9", b"-a", b'a","level":"x'])
def test_an_id_with_a_meaning_elsewhere_is_replaced(value):
    assert re.fullmatch("[0-9a-f]{24}", request_facts(_scope(value)).request_id)


def test_ids_of_requests_without_one_differ():
    assert request_facts(_scope()).request_id != request_facts(_scope()).request_id

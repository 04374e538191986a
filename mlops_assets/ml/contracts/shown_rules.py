"""Violated rules in messages: those of sensitive columns without the values that they declare."""

from collections.abc import Collection


def shown_rule(rule: str, sensitive: Collection[str]) -> str:
    """A rule for messages, such as `city: isin(…)` instead of `city: isin(['Oslo', 'Rome'])`.

    Parameters
    ----------
    rule
        As quarantined rows list it: a column and its check, or a check of several columns.
    sensitive
        The sensitive columns.
    """
    column, separator, check = rule.partition(": ")
    name, bracket, _ = check.partition("(")
    if column not in sensitive or not (separator and bracket):
        return rule
    return f"{column}: {name}(…)"

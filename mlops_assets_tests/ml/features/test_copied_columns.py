"""Copies of a column are found under any name and type; columns that are equal by chance are none."""

from mlops_assets.ml.features.copied_columns import find_copies


def test_copies_are_found_by_value(connection):
    valid = connection.sql(
        "select range as row_id, 'u' || range as mail, 4900 + range as phone, 1 as code, "
        "case when range > 1 then 'x' || range end as note from range(5)"
    )
    written = connection.sql(
        "select range as row_id, 'u' || range as contact, (4900 + range)::double as number, 1.0 as one, "
        "'x' || range as filled, case when range > 1 then 'x' || range end as remark, "
        "'u' || (range % 4) as nearly from range(5)"
    )
    features = ["contact", "number", "one", "filled", "remark", "nearly"]
    assert list(find_copies(written, valid, features, ["mail", "phone", "code", "note"])) == [
        ("contact", "mail"),
        ("number", "phone"),
        ("remark", "note"),
    ]
    assert not list(find_copies(written, valid, features, []))

"""Columns that look like personal data are found by name and values, others are not."""

import pytest

from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.personal_data import is_personal


def profile(
    name: str, least: str = "a", greatest: str = "z", kind: str = "VARCHAR", distinct: int = 100
) -> ColumnProfile:
    return ColumnProfile(name, kind, 100, 0, distinct, least, greatest, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        *("email", "E-Mail", "customerEmail", "e_mail_address", "phone", "Mobile No", "IBAN", "first_name"),
        *("lastName", "surname", "passport_number", "ssn", "social_security_no", "national_id", "tax number"),
        *("Vorname", "Telefonnummer", "phone_of_buyer", "customer_name", "E-Mail Adresse"),
    ],
)
def test_names_of_personal_data_are_found(name):
    assert is_personal(profile(name))


@pytest.mark.parametrize(
    "name",
    [
        *("name", "product_name", "file_name", "country_name", "emailed", "phones_sold", "mobility"),
        *("customer_id", "taxes", "shipping_mode", "lesson", "classname"),
    ],
)
def test_other_names_are_not(name):
    assert not is_personal(profile(name))


@pytest.mark.parametrize(
    ("least", "greatest", "found"),
    [
        ("ann@x.org", "zoe@y.co.uk", True),
        ("ann@x.org", "zoe", False),
        ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", True),
        ("DE89370400440532013001", "GB82WEST12345698765432", False),
        ("+1 555 123 4567", "+49 30 901820", True),
        ("1 555 123 4567", "+49 30 901820", False),
        ("078-05-1120", "219-09-9999", True),
        ("2025-01-31", "2025-12-31", False),
    ],
)
def test_values_of_personal_data_are_found(least, greatest, found):
    assert is_personal(profile("contact", least, greatest)) is found


def test_numbers_are_personal_by_name_and_measures_never_are():
    assert is_personal(profile("phone", "49151", "49199", "BIGINT"))
    assert not is_personal(profile("phone", "1.5", "2.5", "DOUBLE"))


@pytest.mark.parametrize(
    ("name", "greatest", "kind", "distinct"),
    [
        *(
            ("email_opened", "1", "BIGINT", 2),
            ("phone_calls", "50", "BIGINT", 51),
            ("email", "9", "BIGINT", 9),
        ),
        *(
            ("PhoneService", "Yes", "VARCHAR", 2),
            ("mobile_plan", "S", "VARCHAR", 4),
            ("phone", "y", "VARCHAR", 2),
        ),
    ],
)
def test_flags_counts_and_short_lists_are_features(name, greatest, kind, distinct):
    assert not is_personal(profile(name, "0", greatest, kind, distinct))


def test_names_of_persons_are_personal_also_if_few_rows_differ():
    assert is_personal(profile("first_name", "Ann", "Bob", distinct=2))

#!/usr/bin/env bash
# python-calamine 0.9.1, openpyxl 3.1.5 (writes the file), Python 3.11 (November 2026)
#
# What one expects: a cell with an error (#N/A, #DIV/0!) is a value of its own, or its text, and not an empty cell.
# What happens: python-calamine returns '' for it, as for an empty cell and for an empty text, so #N/A is silently a missing
# value; pandas.read_excel(engine="calamine") shows NaN. The file has <c r="B2" t="e"><v>#N/A</v></c>. openpyxl returns '#N/A'.
#
#   calamine: [['a', 'b'], [1.0, ''], [2.0, '']]
#   openpyxl: [('a', 'b'), (1, '#N/A'), (2, None)]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-calamine==0.9.1 openpyxl==3.1.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import openpyxl
import python_calamine

book = openpyxl.Workbook()
for row in (["a", "b"], [1, "#N/A"], [2, None]):
    book.active.append(row)
assert book.active["B2"].data_type == "e"
book.save("errors.xlsx")
calamine = python_calamine.load_workbook("errors.xlsx").get_sheet_by_index(0).to_python()
by_openpyxl = list(openpyxl.load_workbook("errors.xlsx", data_only=True).active.iter_rows(values_only=True))
print("calamine:", calamine)
print("openpyxl:", by_openpyxl)
assert calamine == [["a", "b"], [1.0, ""], [2.0, ""]], calamine
assert by_openpyxl == [("a", "b"), (1, "#N/A"), (2, None)], by_openpyxl
PYTHON

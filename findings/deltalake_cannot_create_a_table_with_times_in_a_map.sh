#!/usr/bin/env bash
# deltalake 1.6.6, pyarrow 25.0.1, Python 3.11 (November 2026)
#
# What one expects: write_deltalake enables the table features that the columns need, as it does for a naive timestamp in a
# column, a list or a struct (`timestampNtz`).
# What happens: for a naive timestamp inside of a map it does not look, and then refuses the table that it was about to create.
# Neither a configuration of the table nor a schema prevents it. There is a way: create the table with another type, add the
# feature with `alter.add_feature`, then overwrite the schema.
#
#   column, list, struct: written; map, list in a map: DeltaError: … Table contains TIMESTAMP_NTZ columns but does not have the
#   required 'timestampNtz' feature in reader and writer features
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deltalake==1.6.6 pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import pyarrow as pa
from deltalake import DeltaTable, TableFeatures, write_deltalake
from deltalake.exceptions import DeltaError

time = pa.timestamp("us")
kinds = {
    "column": time,
    "list": pa.list_(time),
    "struct": pa.struct([("t", time)]),
    "map": pa.map_(pa.string(), time),
    "list in a map": pa.map_(pa.string(), pa.list_(time)),
}
refused = []
for name, kind in kinds.items():
    try:
        write_deltalake(name, pa.table({"a": pa.nulls(1, kind)}))
        print(name, "is written;", DeltaTable(name).protocol().writer_features)
    except DeltaError as error:
        print(name, "is refused:", error)
        assert "'timestampNtz' feature" in str(error)
        refused.append(name)
assert refused == ["map", "list in a map"], refused

write_deltalake("later", pa.table({"a": ["text"]}))
table = DeltaTable("later")
table.alter.add_feature(TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True)
write_deltalake("later", pa.table({"a": pa.nulls(1, kinds["map"])}), mode="overwrite", schema_mode="overwrite")
print("afterwards:", DeltaTable("later").to_pyarrow_table().schema)
PYTHON

"""Names in the metadata and tags of materializations that more than one asset reads."""

SOURCE = "source"
"""Name in metadata: where rows come from."""

ARRIVAL, FINGERPRINT, FOLDER, DIALECT = "arrival", "source_fingerprint", "project_folder", "csv"
"""Names in metadata: the column that tells when rows arrived, the digest of the source's content, the folder
that declares it, and how CSV files are written, where not as usual."""

TIMELINE = "timeline"
"""Name in metadata: the project's timeline, as its fields."""

TRIALS = "trials"
"""Name in metadata: how many trials the search was asked for."""

PAGE, NUMBERS = "evaluation_report.html", "evaluation_report.json"

ENVIRONMENT, FIT = "environment", "fit_settings"
PIPELINE_DIGEST, SERVING_PERIODS = "pipeline_digest", "serving_periods"

FILES, BYTES, KEPT, EXPIRED, DRY_RUN = "freed_files", "freed_bytes", "kept_versions", "expired", "dry_run"
"""Names in the metadata of the observation that tells what was removed of an asset."""

REPRODUCTION = "reproduction"
"""Name in the observation's metadata: all that was found, as JSON."""

NOT_FOLLOWED = "not_followed"
"""Name in metadata: what an asset needs, and does not follow when it changes."""
INPUTS = "inputs"
"""Name in metadata: `inputs_digest` of what a partition was made of."""
IDENTITY = "identity"
"""Name in metadata: the columns that tell a table's row, in its partition if it has some."""

"""COMPUTE: data in, data out, without Dagster and MLflow."""

import os

# Limits how long an OpenMP thread spins before it sleeps. The default makes a fit many times slower when
# another process uses a core; without spinning, a second thread gains nothing. OpenMP reads the variable when
# the first numeric library loads it, so it must be set here.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

"""COMPUTE: data in, data out. Neither Dagster nor MLflow in here."""

import os

# How long a thread of OpenMP spins for others before it sleeps. The default is long enough to make a fit many
# times slower when another process uses a core; without any spinning, a second thread gains nothing. OpenMP
# reads this when the first numeric library loads it, so nothing later than here would do.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

#!/usr/bin/env bash
# skrub 0.11.0, scikit-learn 1.9.1, Python 3.11 (November 2026)
#
# What one expects: `StringEncoder(vectorizer="hashing")` needs no vocabulary, so its artifact is smaller than with
# `vectorizer="tfidf"`, and does not depend on the data. What happens: the hashing has scikit-learn's default of 2**20
# features, and the fitted singular vectors hold a number for each of them and each component, although nearly all are
# zero: 134 MB as a pickle for 36 short texts, instead of 0.01 MB. One row takes several times as long, too.
# `HashingVectorizer(n_features=2**14)` with `TruncatedSVD` has the same scores with 4 MB.
#
#   tfidf 0.01 MB, hashing 134.22 MB; 110 of 1,048,576 columns are used
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check skrub==0.11.0 scikit-learn==1.9.1 pandas==2.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import pickle

import numpy as np
import pandas as pd
from skrub import StringEncoder

nouns = ["river", "stone", "cloud", "tree", "engine", "paper"]
texts = pd.Series([f"a {one} beside the {other} {place}" for place, one in enumerate(nouns) for other in nouns], name="text")
sizes = {}
for kind in ("tfidf", "hashing"):
    encoder = StringEncoder(n_components=30, vectorizer=kind, random_state=0)
    encoder.fit_transform(texts)
    sizes[kind] = len(pickle.dumps(encoder)) / 1e6
components = encoder.tsvd_.components_
used = int((components != 0).any(axis=0).sum())
print(f"tfidf {sizes['tfidf']:.2f} MB, hashing {sizes['hashing']:.2f} MB; {used:,} of {components.shape[1]:,} columns are used")
assert components.shape[1] == 2**20 and used < 10_000, (components.shape, used)
assert sizes["hashing"] > 100 * sizes["tfidf"], sizes
PYTHON

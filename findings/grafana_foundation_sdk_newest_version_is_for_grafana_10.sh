#!/usr/bin/env bash
# grafana-foundation-sdk 0.0.21 and 1769699998!10.1.0, Python 3.11 (November 2026)
#
# What one expects: `pip install grafana-foundation-sdk` installs the newest release, for the newest Grafana.
# What happens: each release was published once for every Grafana version, and the version of Grafana is the version
# of the package behind an epoch, which is the time of the build. The packages of one release were built from the
# newest Grafana to the oldest, so that the highest epoch, and with it the version that pip takes for the newest, is
# the package for Grafana 10.1 of 2023. A bound such as `>=11` does not help: epochs are compared first. The
# present releases, 0.0.x for Grafana 12, are lower than all of them and are installed only with `<1`:
#
#   pip install grafana-foundation-sdk          1769699998!10.1.0, without dashboardv2
#   pip install 'grafana-foundation-sdk>=11'    1769699998!10.1.0
#   pip install 'grafana-foundation-sdk<1'      0.0.21, with dashboardv2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" --quiet --disable-pip-version-check)
newest() {
    "${pip[@]}" install --force-reinstall --no-deps "grafana-foundation-sdk$1" 2>/dev/null
    "$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
from importlib.util import find_spec

print(version("grafana-foundation-sdk"), "dashboardv2" if find_spec("grafana_foundation_sdk.models.dashboardv2") else "")
PYTHON
}
any=$(newest '') bounded=$(newest '>=11') below=$(newest '<1')
echo "no bound: $any; >=11: $bounded; <1: $below"
[[ $any == *'!10.1.0 ' && $bounded == "$any" ]] || { echo "the newest version is no longer that for Grafana 10.1"; exit 1; }
[[ $below == *0.0.*dashboardv2 ]] || { echo "versions below 1 have no dashboardv2"; exit 1; }

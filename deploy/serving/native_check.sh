#!/usr/bin/env bash
# Runs the service as the image does, on a Linux machine without a container engine: as UID 10001 without
# capabilities and without new privileges, on a read-only root file system, with the state directory and an
# empty /tmp as the only writable folders. Requires root, util-linux and curl. It changes nothing: mounts are
# in a namespace of their own, and the state directory is copied.
#   sudo deploy/serving/native_check.sh STATE_DIRECTORY PROJECT
set -euo pipefail
state=$(realpath "${1:?the state directory}") project=${2:?a project with a champion} port=${PORT:-18730}
root=$(realpath "$(dirname "$0")/../..") mlops=${MLOPS:-$root/.venv/bin/mlops}
if [ "${INSIDE:-}" != yes ]; then
    work=$(mktemp -d /var/tmp/native_check.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    cp -a "$state" "$work/state" && chown -R 10001:10001 "$work/state" && chmod 755 "$work"
    INSIDE=yes MLOPS=$mlops PORT=$port unshare --mount --propagation private \
        bash "$(realpath "$0")" "$work/state" "$project"
    exit
fi

python=$(dirname "$(realpath "$(dirname "$mlops")/python")")
case $python in
/root/*)  # an interpreter in a home that others can't enter: only its folder is shown
    mkdir -p "${state%/*}/python" && mount --bind "${python%/*}" "${state%/*}/python"
    mount -t tmpfs -o mode=755 tmpfs /root && mkdir -p "${python%/*}"
    mount --bind "${state%/*}/python" "${python%/*}" ;;
esac
mount --bind "$state" "$state"
mount -t tmpfs -o mode=1777 tmpfs /tmp
while read -r _ _ _ _ place _; do
    case $place in
    "$state" | /tmp | /proc* | /dev | /dev/* | /sys*) ;;
    *) mount -o remount,bind,ro "$place" ;;
    esac
done </proc/self/mountinfo
mount -t tmpfs -o size=64m tmpfs /dev/shm  # as every container has it

cd "$root"
as_user=(setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all
    env -i "PATH=$(dirname "$mlops"):/usr/bin:/bin" HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
    "PYTHONPATH=$root" "MLOPS_STATE_DIR=$state")
for place in "$root/written" /var/tmp/written "$(dirname "$mlops")/written"; do
    if "${as_user[@]}" touch "$place" 2>/dev/null; then echo "$place is writable" >&2 && exit 1; fi
done
"${as_user[@]}" mlops serve "$project" --host 127.0.0.1 --port "$port" --workers 2 --no-keys --log-json >/tmp/log 2>/tmp/errors &
service=$!
trap 'kill -TERM $service 2>/dev/null || true; cat /tmp/errors >&2' ERR
for _ in $(seq 600); do
    curl --silent --fail "http://127.0.0.1:$port/readyz" >/dev/null && break
    kill -0 $service 2>/dev/null || { cat /tmp/errors >&2; exit 1; }
    sleep 0.1
done
body=$("${as_user[@]}" python - "$port" "$project" <<'PYTHON'
import json, sys, urllib.request
port, project = sys.argv[1:]
document = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json"))
operation = document["paths"][f"/v1/projects/{project}/predict"]["post"]
print(json.dumps(operation["requestBody"]["content"]["application/json"]["example"]))
PYTHON
)
answer=$(curl --silent --fail --header 'Content-Type: application/json' --data "$body" "http://127.0.0.1:$port/v1/projects/$project/predict")
curl --silent --fail "http://127.0.0.1:$port/metrics" | grep --quiet '^mlops_serving_rows_total'
grep --quiet '^Uid:.10001' "/proc/$service/status" && grep --quiet '^CapEff:.0*$' "/proc/$service/status"
kill -TERM $service
wait $service
echo "ready, answered and stopped as UID 10001 on a read-only root: $answer"
echo "written to /tmp: $(find /tmp -type f -printf '%f ' )"

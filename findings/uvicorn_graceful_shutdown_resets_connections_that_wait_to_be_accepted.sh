#!/usr/bin/env bash
# uvicorn 0.54.0, uvloop 0.23.0, httptools 0.9.0, Python 3.11 (November 2026), Linux
#
# What one expects: after SIGTERM, `timeout_graceful_shutdown` gives the requests that have arrived time to be answered.
# What happens: that holds for requests that the application has begun. Connections that were established before SIGTERM,
# and sent their requests, are reset if the event loop was busy and had not accepted or read them.
#
#   request in progress: HTTP/1.1 200 OK
#   5 requests that were sent before SIGTERM: 0 answered, 5 reset
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0
cd "$folder"
cat > app.py <<'PYTHON'
import time


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    time.sleep(1.5)  # as a prediction that occupies the event loop
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
PYTHON
"$folder/venv/bin/python" - <<'PYTHON'
import signal
import socket
import subprocess
import sys
import time

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "error"]
server = subprocess.Popen([*command, "--timeout-graceful-shutdown", "30", "--lifespan", "off"])


def send_request():
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


def answer(client):
    try:
        return client.recv(100).decode().split("\r\n")[0] or "closed"
    except ConnectionResetError:
        return "reset"


for _ in range(200):
    try:
        first = send_request()
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
time.sleep(0.5)
waiting = [send_request() for _ in range(5)]
server.send_signal(signal.SIGTERM)
found = answer(first), [answer(client) for client in waiting]
server.wait(20)
print("request in progress:", found[0])
lost = sum(one in ("reset", "closed") for one in found[1])
print(f"5 requests that were sent before SIGTERM: {5 - lost} answered, {lost} reset")
assert found[0] == "HTTP/1.1 200 OK", found
assert lost == 5, found
PYTHON

"""Sequential GETs on one keep-alive connection, decoded: with requests if it is there, else http.client.
python.py HOST PORT PATH SECONDS     prints: requests seconds"""
import json
import sys
import time

host, port, path, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
headers = {
    "accept": "application/json",
    "x-oneflow-api-token": "0123456789abcdef0123456789abcdef01234567",
    "x-oneflow-user-email": "sven@example.com",
}
try:
    import requests

    session = requests.Session()
    session.trust_env = False

    def get():
        return session.get(f"http://{host}:{port}{path}", headers=headers).json()

except ImportError:
    import http.client

    connection = http.client.HTTPConnection(host, port)

    def get():
        connection.request("GET", path, headers=headers)
        return json.loads(connection.getresponse().read())


count, start = 0, time.monotonic()
while True:
    get()
    count += 1
    passed = time.monotonic() - start
    if passed >= seconds:
        break
print(f"{count} {passed:.6f}")

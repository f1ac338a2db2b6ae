"""Answers questions about a table of sales; knows nothing of where it runs."""

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd


def report(path):
    sales = pd.read_csv(path, parse_dates=["date"])
    deviation = (sales.amount - sales.amount.mean()).abs() / sales.amount.std(ddof=0)
    return {
        "rows": len(sales),
        "total": round(float(sales.amount.sum()), 2),
        "byRegion": sales.groupby("region").amount.sum().round(2).to_dict(),
        "byProduct": sales.groupby("product").amount.sum().round(2).to_dict(),
        "outliers": json.loads(sales[deviation > 3].to_json(orient="records", date_format="iso")),
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            return self.answer("text/plain", "ok\n")
        if self.path == "/insights":
            return self.answer("application/json", json.dumps(self.server.report, indent=2))
        self.send_error(404)

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    server = ThreadingHTTPServer(("", int(os.environ.get("CONTAINER_APP_PORT", "8080"))), Handler)
    server.report = report("/data/sales.csv")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()

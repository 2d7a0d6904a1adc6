import hashlib
import hmac
import os

from flask import Flask, abort, request

app = Flask(__name__)
SECRET = os.environ["TILLPOINT_MERCHANT_SECRET"].encode()
ADMIN_PASSWORD = os.environ["PAYMENTS_ADMIN_PASSWORD"]


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.post("/webhooks/tillpoint")
def paid():
    wanted = hmac.new(SECRET, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers.get("X-Tillpoint-Signature", "")):
        abort(403)
    app.logger.info("order %s is paid", request.get_json()["order"])
    return "", 204


@app.post("/admin/refunds/<order>")
def refund(order):
    login = request.authorization
    if login is None or not hmac.compare_digest(login.password or "", ADMIN_PASSWORD):
        abort(401)
    app.logger.info("order %s is refunded", order)
    return "", 202

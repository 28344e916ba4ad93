"""An ordinary application: it knows nothing of a gateway, and keeps a log of every answer that it gave.

Each answer carries X-Answer, and `$ANSWERS` gets a line with that, the method and the status.
"""

import os
import time
import uuid

from flask import Flask, Response, abort, g, jsonify, request

app = Flask(__name__)
items, files, sessions = {}, {}, {}
WORK = 0.02


@app.before_request
def begin():
    g.answer = uuid.uuid4().hex


@app.after_request
def log(response):
    response.headers["X-Answer"] = g.answer
    line = f"{g.answer} {request.method} {response.status_code}\n".encode()
    log_file = os.open(os.environ["ANSWERS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(log_file, line)
    os.close(log_file)
    return response


@app.post("/login")
def login():
    time.sleep(WORK)
    if request.form.get("password") != "correct horse":
        abort(401)
    token = uuid.uuid4().hex
    sessions[token] = request.form["user"]
    response = jsonify(user=request.form["user"])
    response.set_cookie("session", token)
    return response


@app.get("/search")
def search():
    time.sleep(WORK / 4)
    wanted = request.args.get("q", "")
    return jsonify([name for name, item in list(items.items()) if wanted in str(item)][:20])


@app.post("/items")
def create():
    time.sleep(WORK)
    name = uuid.uuid4().hex
    items[name] = request.get_json()
    return jsonify(id=name), 201, {"Location": f"/items/{name}"}


@app.route("/items/<name>", methods=["GET", "PUT", "PATCH", "DELETE"])
def item(name):
    if request.method == "GET":
        return jsonify(items.get(name) or abort(404))
    time.sleep(WORK)
    if request.method == "DELETE":
        items.pop(name, None) or abort(404)
        return "", 204
    body = request.get_json()
    if body.get("revision") == "stale":
        return jsonify(error="somebody changed this before you"), 409
    items[name] = body if request.method == "PUT" else {**items.get(name, {}), **body}
    return jsonify(items[name])


@app.post("/graphql")
def graphql():
    time.sleep(WORK)
    return jsonify(data={"echo": request.get_json()["query"]})


@app.post("/upload")
def upload():
    sent = request.files["file"]
    data = sent.read()
    time.sleep(WORK)
    return jsonify(name=sent.filename, size=len(data)), 201


@app.post("/rpc")
def rpc():
    time.sleep(WORK)
    return jsonify(jsonrpc="2.0", id=request.get_json()["id"], result="done")


@app.get("/poll")
def poll():
    time.sleep(1.5)
    return jsonify(news=[])


@app.get("/events")
def events():
    def lines():
        for number in range(5):
            yield f"data: {number}\n\n"
            time.sleep(0.1)

    return Response(lines(), mimetype="text/event-stream")


@app.route("/dav/", methods=["PROPFIND", "OPTIONS"])
def listing():
    time.sleep(WORK)
    return Response("<multistatus xmlns='DAV:'/>", status=207, mimetype="application/xml")


@app.route("/dav/<path:name>", methods=["GET", "PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPFIND", "LOCK", "UNLOCK"])
def file(name):
    time.sleep(WORK)
    if request.method == "PUT":
        files[name] = request.get_data()
        return "", 201
    if request.method == "GET":
        return Response(files.get(name) or abort(404), mimetype="application/octet-stream")
    if request.method in ("MOVE", "COPY"):
        target = request.headers["Destination"].split("/dav/", 1)[1]
        files[target] = files.get(name) or abort(404)
        if request.method == "MOVE":
            files.pop(name)
        return "", 201
    if request.method == "PROPFIND":
        return Response("<multistatus xmlns='DAV:'/>", status=207, mimetype="application/xml")
    return "", 204

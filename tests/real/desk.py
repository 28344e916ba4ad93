"""A desk that takes as long over a change of an order as it is told to: the backend of those who look at a conflict."""

import threading

from flask import Flask

app = Flask(__name__)

at_work = threading.Event()
may_end = threading.Event()
changes = []

PAGE = """<!doctype html><html lang="en"><title>Order {number}</title><h1>Order {number}, changed {count} times</h1>
<form method="post" action="/orders/{number}?from=form"><button id="change">Change it</button></form>"""


@app.get("/orders/<int:number>")
def read(number):
    return PAGE.format(number=number, count=len(changes))


@app.route("/orders/<int:number>", methods=["POST", "PUT"])
def change(number):
    at_work.set()
    may_end.wait(120)
    changes.append(number)
    return PAGE.format(number=number, count=len(changes))


@app.get("/at-work")
def wait_for_work():
    return {"at_work": at_work.wait(30)}


@app.post("/end")
def end():
    may_end.set()
    return {}

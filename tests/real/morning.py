"""A morning of several users at an application; every answer must be the application's own.

morning.py URL ANSWERS    (the file in which the application keeps its answers)
"""

import io
import random
import sys
import threading

import requests

URL, ANSWERS = sys.argv[1], sys.argv[2]
USERS, ROUNDS = 6, 12
TIMEOUT = 30
got, faults, lock = [], [], threading.Lock()


class User:
    """One user: things of one's own to change, doors that all go through at once."""

    def __init__(self, number):
        self.name = f"user{number}"
        self.random = random.Random(number)
        self.session = requests.Session()
        self.made = []

    def ask(self, method, path, expect, session=None, **more):
        response = (session or self.session).request(method, URL + path, timeout=TIMEOUT, **more)
        with lock:
            got.append((response.headers.get("X-Answer"), method, response.status_code))
            if response.status_code != expect:
                faults.append(f"{self.name}: {method} {path}: {response.status_code} {response.text[:300]}")
        return response

    def log_in(self):
        self.ask("POST", "/login", 401, data={"user": self.name, "password": "guess"})
        self.ask("POST", "/login", 200, data={"user": self.name, "password": "correct horse"})

    def search(self):
        for word in ("a", "report", "\u00e9t\u00e9", "100%"):
            self.ask("GET", "/search", 200, params={"q": word})
        self.ask("HEAD", "/search", 200)

    def create(self):
        made = self.ask("POST", "/items", 201, json={"title": f"report of {self.name}"})
        self.made.append(made.json()["id"])

    def save(self):
        for name in self.made[-3:]:
            self.ask("PUT", f"/items/{name}", 200, json={"title": "new", "by": self.name})
            self.ask("PATCH", f"/items/{name}", 200, json={"note": self.random.random()})
            self.ask("GET", f"/items/{name}", 200)
        self.ask("PATCH", f"/items/{self.made[-1]}", 409, json={"revision": "stale"})

    def clean_up(self):
        if len(self.made) > 3:
            gone = self.made.pop(0)
            self.ask("DELETE", f"/items/{gone}", 204)
            self.ask("DELETE", f"/items/{gone}", 404)

    def query(self):
        self.ask("POST", "/graphql", 200, json={"query": "{ me { name } }"})
        self.ask("POST", "/graphql", 200, json={"query": "mutation { save(id: 1) { id } }"})
        self.ask("POST", "/rpc", 200, json={"jsonrpc": "2.0", "id": 1, "method": "save"})

    def upload(self):
        data = self.random.randbytes(self.random.choice([10, 70_000, 1_500_000]))
        sent = self.ask("POST", "/upload", 201, files={"file": ("scan.pdf", io.BytesIO(data))})
        if sent.json()["size"] != len(data):
            faults.append(f"{self.name}: an upload arrived with {sent.json()['size']} bytes of {len(data)}")

    def wait_for_news(self):
        """A long poll beside everything else, as a browser's other tab has it."""
        waiting = threading.Thread(target=lambda: self.ask("GET", "/poll", 200, session=requests.Session()))
        waiting.start()
        self.ask("GET", "/events", 200)
        return waiting

    def files(self, number):
        folder, name = f"/dav/{self.name}", f"/dav/{self.name}/letter-{number}.odt"
        self.ask("OPTIONS", "/dav/", 207)
        self.ask("PROPFIND", "/dav/", 207, headers={"Depth": "1"}, data="<propfind xmlns='DAV:'/>")
        self.ask("MKCOL", folder, 204)
        self.ask("LOCK", name, 204)
        self.ask("PUT", name, 201, data=b"text")
        self.ask("COPY", name, 201, headers={"Destination": URL + name + ".bak"})
        self.ask("MOVE", name + ".bak", 201, headers={"Destination": URL + name + ".old"})
        self.ask("GET", name + ".old", 200)
        self.ask("UNLOCK", name, 204)

    def spend_the_morning(self):
        try:
            self.log_in()
            for number in range(ROUNDS):
                steps = [self.search, self.create, self.query, self.upload, self.clean_up, lambda: self.files(number)]
                self.random.shuffle(steps)
                waiting = self.wait_for_news()
                for step in steps:
                    step()
                self.save()
                waiting.join()
        except Exception as fault:  # whatever it is, it belongs into the report
            faults.append(f"{self.name}: {fault!r}")


users = [threading.Thread(target=User(number).spend_the_morning) for number in range(USERS)]
for user in users:
    user.start()
for user in users:
    user.join()

with open(ANSWERS, encoding="ascii") as file:
    given = {tuple(line.split()) for line in file}
faults += [f"not the application's answer: {answer}" for answer in got if tuple(map(str, answer)) not in given]
print(f"{len(got)} answers, {len(faults)} faults")
print("\n".join(faults[:20]))
sys.exit(bool(faults))

import time
from flask import Flask

app = Flask(__name__)
balances = {}

@app.post("/accounts/<account>/deposit")
def deposit(account):
    balance = balances.get(account, 0)
    time.sleep(3)  # what others deposit meanwhile is overwritten
    balances[account] = balance + 10
    return {"balance": balances[account]}

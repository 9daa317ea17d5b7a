import io

import pandas as pd
from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/frame")
def frame():
    data = pd.DataFrame({"a": [1, 2, 3]})
    packed = io.BytesIO()
    data.to_parquet(packed)
    sheet = io.BytesIO()
    data.to_excel(sheet)
    return jsonify(app="py-frames", sum=int(pd.read_parquet(packed).a.sum()), sheet=len(sheet.getvalue()) > 1000)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=18205)

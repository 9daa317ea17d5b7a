import joblib
from flask import Flask, jsonify, request

app = Flask(__name__)
model = joblib.load("model.joblib")


@app.get("/predict")
def predict():
    values = [float(v) for v in request.args["v"].split(",")]
    from sklearn.metrics import pairwise_distances
    return jsonify(app="py-ml", kind=int(model.predict([values])[0]), near=float(pairwise_distances([values])[0][0]))

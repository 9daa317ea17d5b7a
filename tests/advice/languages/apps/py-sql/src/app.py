import logging.config
import os

from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy

logging.config.fileConfig("logging.ini")
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite:////tmp/app.db")
db = SQLAlchemy(app)


class Visit(db.Model):
    id = db.Column(db.Integer, primary_key=True)


@app.get("/health")
def health():
    db.create_all()
    db.session.add(Visit())
    db.session.commit()
    # What production is given at run time: the driver is loaded by name.
    import sqlalchemy
    driver = sqlalchemy.create_engine("postgresql+psycopg2://u@127.0.0.1/x").dialect.driver
    worker = __import__("sys").modules.get("gevent") is not None
    from security import hashed
    app.logger.info("visited")
    return jsonify(app="py-sql", visits=Visit.query.count(), driver=driver, gevent=worker, hash=hashed("x")[:4])

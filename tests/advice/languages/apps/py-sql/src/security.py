import importlib


def hashed(word):
    name = "".join(["b", "crypt"])
    return importlib.import_module(name).hashpw(word.encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()

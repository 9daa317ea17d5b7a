import msgpack

EMPTY = msgpack.packb({})

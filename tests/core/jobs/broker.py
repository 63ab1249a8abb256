"""The broker that librdkafka brings along, in a process of its own: `python broker.py`.

It prints its address; a line of error codes on its standard input is what it answers to the next batches.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import confluent_kafka

PRODUCE = ctypes.c_int16(0)
TOPIC = b"probe.seen.v1"

(library,) = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka-*.so*")
kafka = ctypes.CDLL(str(library))
for function in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
    getattr(kafka, function).restype = ctypes.c_void_p
kafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p

why = ctypes.create_string_buffer(500)
conf = ctypes.c_void_p(kafka.rd_kafka_conf_new())
for name, value in ((b"bootstrap.servers", b"none"), (b"log_level", b"0")):
    kafka.rd_kafka_conf_set(conf, name, value, why, ctypes.c_size_t(500))
handle = kafka.rd_kafka_new(0, conf, why, ctypes.c_size_t(500))
if not handle:
    sys.exit(why.value)
cluster = ctypes.c_void_p(kafka.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), 1))
kafka.rd_kafka_mock_topic_create(cluster, TOPIC, 1, 1)
print(kafka.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
for line in sys.stdin:
    codes = [int(code) for code in line.split()]
    kafka.rd_kafka_mock_push_request_errors_array(cluster, PRODUCE, ctypes.c_size_t(len(codes)), (ctypes.c_int * len(codes))(*codes))
    print("so be it", flush=True)

"""Asks services about a patient until all of them serve a version: ``ask.py <version> <port> …``.

Ends with an error when one of them says another probability than Python.
"""

import json
import math
import sys
import time
import urllib.request

import numpy as np

import argosy

version, ports = sys.argv[1], sys.argv[2:]
patient = argosy.load_artifact("patients")[0]
model = argosy.load_artifact("classifier", version=version)
weights = argosy.load_artifact("classifier_weights", version=model["weights_version"])
score = float((patient - np.array(model["mean"])) / np.array(model["scale"]) @ weights + model["bias"])
expected = 1 / (1 + math.exp(-score))

for port in ports:
    deadline = time.monotonic() + 300  # seconds; on a machine that is not busy it takes none
    while True:
        body = json.dumps(patient.tolist()).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", body, timeout=60) as response:
            answer = json.load(response)
        if answer["version"] == version:
            break
        if time.monotonic() > deadline:
            sys.exit(f"port {port} still serves version {answer['version']}, not {version}")
        time.sleep(0.02)
    if not math.isclose(answer["probability"], expected, rel_tol=1e-9):
        sys.exit(f"port {port} says {answer['probability']}, Python {expected}")
    print(f"{answer['service']:5} version {version}: {answer['probability']:.8f}")

#!/usr/bin/env python3
"""Runs one Python library and answers requests, one JSON object a line, on stdin and stdout.

The same protocol as peer.mjs; bench/peers/README.md says what it is and which cases there are.
"""
import argparse
import importlib.util
import json
import os
import sys
import time

# An installed package stays as it was installed.
sys.dont_write_bytecode = True
STARTED = time.perf_counter()
PEERS = {"numpy": ["numpy"], "scipy": ["numpy", "scipy"], "torch": ["numpy", "torch"], "torch-sparse": ["numpy", "torch"]}


def available():
    """Which peers this Python can run, and which of their libraries it lacks."""
    has = {module: importlib.util.find_spec(module) is not None for module in ("numpy", "scipy", "torch")}
    installed = [name for name, needs in PEERS.items() if all(has[module] for module in needs)]
    return {"installed": installed, "missing": [module for module, there in has.items() if not there]}


class Session:
    """One handler a command; each returns the fields of its answer."""

    def __init__(self, peer):
        from cases import open_library  # needs numpy

        self.peer = peer
        self.library = open_library(peer)
        self.work = None

    def hello(self, _request):
        facts = {"version": self.library.version, "adapter": self.library.adapter, "threads": self.library.threads}
        runtime = "Python " + sys.version.split()[0]
        return {"peer": self.peer, **facts, "cases": self.library.cases, "runtime": runtime, "sinceStartMs": since_start()}

    def prepare(self, request):
        from cases import prepare

        self.work = None
        self.work, check = prepare(self.library, request["case"], request.get("params", {}), request.get("seed", 1))
        start = time.perf_counter()
        self.work()
        return {"check": check, "firstMs": 1000 * (time.perf_counter() - start), "sinceStartMs": since_start()}

    def sample(self, request):
        if self.work is None:
            raise ValueError("sample: expected a prepared case, there is none")
        times = []
        for _ in range(request.get("iterations", 1)):
            start = time.perf_counter()
            self.work()
            times.append(1000 * (time.perf_counter() - start))
        return {"ms": times, "restMs": rest()}

    def dispose(self, _request):
        self.work = None
        return {}

    exit = dispose


def rest(longest=1.0):
    """Waits until this process takes no CPU time, and returns for how long, in ms.

    OpenBLAS and OpenMP threads spin for a while after their work (100 ms were seen), which would be taken from
    whichever library is measured next.
    """
    start = time.perf_counter()
    while time.perf_counter() - start < longest:
        busy = time.process_time()
        time.sleep(0.02)
        if time.process_time() - busy < 0.002:
            break
    return 1000 * (time.perf_counter() - start)


def since_start():
    return 1000 * (time.perf_counter() - STARTED)


def serve(peer):
    # Whatever else is printed goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    session = Session(peer)
    commands = {name: getattr(session, name) for name in ("hello", "prepare", "sample", "dispose", "exit")}
    for line in sys.stdin:
        if not line.strip():
            continue
        request = {}
        try:
            request = json.loads(line)
            command = request.get("cmd")
            if command not in commands:
                raise ValueError(f"expected cmd {', '.join(commands)}, got {command}")
            answer = {"id": request.get("id"), "ok": True, **commands[command](request)}
        except Exception as error:  # every failure is an answer
            unsupported = {"unsupported": True} if isinstance(error, NotImplementedError) else {}
            answer = {"id": request.get("id"), "ok": False, **unsupported, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
        if request.get("cmd") == "exit":
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--peer", choices=PEERS)
    choice.add_argument("--available", action="store_true", help="print which peers can run here, and end")
    options = parser.parse_args()
    if options.available:
        print(json.dumps(available()))
    else:
        serve(options.peer)


if __name__ == "__main__":
    main()

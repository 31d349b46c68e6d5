#!/usr/bin/env bash
# Python trains and promotes; a Go and a Node service swap the model while they serve it.
#
#     examples/polyglot/run.sh            (PYTHON=... to name an interpreter that has argosy)
#
# `make test-clients` once before: it installs what the TypeScript client needs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$([ -x "$here/../../.venv/bin/python" ] && echo "$here/../../.venv/bin/python" || echo python3)}
scratch=$(mktemp -d)
started=()
# Settings of the person who runs this take no part.
unset $(env | sed -n 's/^\(ARGOSY_[A-Z_]*\)=.*/\1/p')

finish() {
    code=$?
    for process in "${started[@]}"; do kill -TERM "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" || true; done
    [ "$code" -eq 0 ] || cat "$scratch"/*.log >&2
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT

# start NAME COMMAND …: begins a program and waits for the first line it prints, which becomes $said.
start() {
    name=$1; shift
    "$@" >"$scratch/$name.out" 2>"$scratch/$name.log" &
    started+=($!)
    for _ in $(seq 600); do
        said=$(head -n 1 "$scratch/$name.out")
        [ -z "$said" ] || return 0
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$name did not start" >&2
    exit 1
}

[ -e "$here/../../clients/typescript/dist/index.js" ] || (cd "$here/../../clients/typescript" && npm run build >&2)
(cd "$here/go_service" && go build -o "$scratch/go_service" .)

start server "$python" -m argosy_server serve --listen 127.0.0.1:0 --data "$scratch/data"
export ARGOSY_SERVER=${said#argosy-server listening on } ARGOSY_HOME="$scratch/home"
"$python" "$here/train.py" 20
start go "$scratch/go_service"; go_port=$said
start node node "$here/node_service/service.mjs"; node_port=$said
"$python" "$here/ask.py" 1 "$go_port" "$node_port"
"$python" "$here/train.py" 500
"$python" "$here/ask.py" 2 "$go_port" "$node_port"

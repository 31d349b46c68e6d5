#!/usr/bin/env bash
# Python trains and promotes; a Go and a Node service swap the model while they serve it. A step of each training is Go.
#
#     examples/polyglot/run.sh            (PYTHON=... to name an interpreter that has argosy)
#
# It needs Python with argosy[examples], Go and Node.js; what the Node programs need is installed beside them. The first
# time it fetches and compiles that and what the Go programs need, which can take minutes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$([ -x "$here/../../.venv/bin/python" ] && echo "$here/../../.venv/bin/python" || echo python3)}
"$python" -c 'import argosy_server, onnx, sklearn' 2>/dev/null || {
    echo "$python has no argosy[examples]; make one that has, in .venv: tools/make_venv.sh examples" >&2
    exit 1
}
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

# What goes on is told beside what the programs print.
tell() { echo "[${SECONDS} s] $*" >&2; }

patience=600
# start NAME COMMAND …: begins a program and waits for the first line it prints, which becomes $said.
start() {
    name=$1; shift
    tell "starting $name"
    : >"$scratch/$name.out"  # there before it is looked at
    "$@" >"$scratch/$name.out" 2>"$scratch/$name.log" &
    started+=($!)
    begun=$SECONDS; told=$SECONDS
    while kill -0 "${started[-1]}" 2>/dev/null && [ $((SECONDS - begun)) -lt "$patience" ]; do
        said=$(head -n 1 "$scratch/$name.out")
        [ -z "$said" ] || return 0
        [ $((SECONDS - told)) -lt 15 ] || { tell "still waiting for $name; a busy machine takes its time"; told=$SECONDS; }
        sleep 0.1
    done
    echo "$name did not start: it has ended, or said nothing for $patience s; what it logged follows" >&2
    exit 1
}

argosy() { "$python" -c 'from argosy.cli import main; main()' "$@"; }

# installed FOLDER: what a Node program needs is there.
installed() {
    [ ! -e "$1/node_modules/.package-lock.json" ] || return 0
    tell "npm ci in $1 (it fetches what that needs)"
    (cd "$1" && npm ci --no-audit --no-fund >&2)
}

typescript="$here/../../clients/typescript"
installed "$typescript"
installed "$here/node_service"
[ -e "$typescript/dist/index.js" ] || { tell "compiling the TypeScript client"; (cd "$typescript" && npm run build >&2); }
tell "go build (minutes, when nothing of it was compiled before)"
(cd "$here/go" && go build -o "$scratch" ./score ./serve)

start server "$python" -m argosy_server serve --listen 127.0.0.1:0 --data "$scratch/data"
export ARGOSY_SERVER=${said#argosy-server listening on } ARGOSY_HOME="$scratch/home"
tell "Python trains"
"$python" "$here/train.py" 20 "$scratch/score"
start go "$scratch/serve"; go_port=$said
start node node "$here/node_service/service.mjs"; node_port=$said
tell "asking both services"
"$python" "$here/ask.py" 1 "$go_port" "$node_port"
tell "Python trains longer, and promotes the next version while they serve"
"$python" "$here/train.py" 500 "$scratch/score" | tee "$scratch/trained"
"$python" "$here/ask.py" 2 "$go_port" "$node_port"

echo; echo "The run, with its step in Go:"
argosy run show "$(sed -n 's/^Run \([^ ]*\) of pipeline .*/\1/p' "$scratch/trained")"
echo; echo "Where the scores come from:"
argosy artifact lineage scores --direction up

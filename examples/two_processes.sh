#!/usr/bin/env bash
# One server and three processes that share artifacts through it; the last one knows only the wire.
#
#     examples/two_processes.sh            (PYTHON=... to name an interpreter that has argosy)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$([ -x "$here/../.venv/bin/python" ] && echo "$here/../.venv/bin/python" || echo python3)}
"$python" -c 'import argosy_server, pandas' 2>/dev/null || {
    echo "$python has no argosy[pandas]; make one that has, in .venv: make demo" >&2
    exit 1
}
scratch=$(mktemp -d)
server=
# Settings of the person who runs this take no part.
unset $(env | sed -n 's/^\(ARGOSY_[A-Z_]*\)=.*/\1/p')

finish() {
    code=$?
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" || code=$?
        [ "$code" -ne 0 ] || echo "the server drained and stopped"
    fi
    [ "$code" -eq 0 ] || cat "$scratch/server.log" >&2
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$python" -m argosy_server serve --listen 127.0.0.1:0 --data "$scratch/data" \
    >"$scratch/ready" 2>"$scratch/server.log" &
server=$!
for _ in $(seq 100); do
    grep -q listening "$scratch/ready" && break
    kill -0 "$server" 2>/dev/null || { wait "$server" || true; server=; echo "the server did not start" >&2; exit 1; }
    sleep 0.1
done
cat "$scratch/ready"
address=$(sed -n 's/^argosy-server listening on //p' "$scratch/ready")
[ -n "$address" ] || { echo "the server was not ready after 10 s" >&2; exit 1; }

export ARGOSY_SERVER=$address ARGOSY_HOME="$scratch/home" ARGOSY_PROJECT=default
echo; echo "process 1 saves";                "$python" "$here/two_processes/save.py"
echo; echo "process 2 loads";                "$python" "$here/two_processes/load.py"
echo; echo "process 3 knows only the wire";  "$python" "$here/two_processes/read_without_sdk.py" "${address#grpc://}"
echo

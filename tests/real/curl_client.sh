#!/usr/bin/env bash
# Adds lines to a document as a careful client does; says how often it met a conflict.
#
# curl_client.sh URL NAME COUNT
set -euo pipefail
url=$1 name=$2 count=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

is_writegate_conflict() {
    [[ $1 == 409 ]] && grep -qi '^proxy-status: *writegate' "$work/head" && grep -q '#write-in-flight"' "$work/body"
}

conflicts=0
for ((number = 0; number < count; number++)); do
    until
        status=$(curl -sS --max-time 20 -X PUT --data-binary "$name-$number" -D "$work/head" -o "$work/body" -w '%{http_code}' "$url")
        [[ $status == 200 ]]
    do
        is_writegate_conflict "$status" || { echo "$status: $(cat "$work/head" "$work/body")" >&2; exit 1; }
        conflicts=$((conflicts + 1))
        ((conflicts < 2000)) || { echo "gave up on $name-$number" >&2; exit 1; }
        wait_ms=$(sed -n 's/.*"retry_after_ms": *\([0-9]*\).*/\1/p' "$work/body")
        sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
        if curl -sS --max-time 20 "$url" | grep -q "\"$name-$number\""; then
            echo "a refused write was made: $name-$number" >&2
            exit 1
        fi
    done
done
echo "$conflicts"

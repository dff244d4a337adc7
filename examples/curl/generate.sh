#!/bin/sh
# Make a picture and save it, with nothing but curl and sed.
#   APIFRAME_API_KEY=afk_... sh generate.sh "a lighthouse in a storm"
set -eu

base=${APIFRAME_BASE_URL:-https://api.apiframe.ai}
prompt=${1:-a lighthouse in a storm}

# The text of one field of a JSON object.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# --retry waits as Retry-After says, and tries again after 429 and 5xx; the key makes sure that there is one job.
ask() { curl -sS --fail-with-body --retry 5 --retry-connrefused -H "X-API-Key: $APIFRAME_API_KEY" "$@"; }

body="{\"model\": \"flux-2-pro\", \"prompt\": \"$prompt\"}"
job=$(ask "$base/v2/images/generate" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(date +%s)-$$" -d "$body" | field jobId)
echo "job $job"

while :; do
    answer=$(ask "$base/v2/jobs/$job")
    case $(printf '%s' "$answer" | field status) in
        QUEUED | PROCESSING) sleep 1 ;;
        COMPLETED) break ;;
        *) echo "$answer" >&2; exit 1 ;;
    esac
done

address=$(printf '%s' "$answer" | sed -n 's/.*"images":\["\([^"]*\)".*/\1/p')
curl -sS --fail -o picture-1.png "$address"
echo "saved picture-1.png $(wc -c < picture-1.png | tr -d ' ') bytes"

#!/bin/sh
# Make a picture and save it, with nothing but curl and sed.
#   APIFRAME_API_KEY=afk_... sh generate.sh "a lighthouse in a storm"
set -eu

base=${APIFRAME_BASE_URL-https://api.apiframe.ai}
prompt=$(printf '%s' "${1:-a lighthouse in a storm}" | sed 's/[\\"]/\\&/g')  # as JSON writes it
patience=600

# The text of one field of the JSON object in $answer.
field() { printf '%s' "$answer" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# --retry waits as Retry-After says, and tries again after 429 and 5xx; the key makes sure that there is one job.
ask() { curl -sS --fail-with-body --retry 5 --retry-connrefused -H "X-API-Key: $APIFRAME_API_KEY" "$@"; }

once=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
answer=$(ask "$base/v2/images/generate" -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $once" -d "{\"model\": \"flux-2-pro\", \"prompt\": \"$prompt\"}") ||
    { echo "$answer" >&2; exit 1; }
job=$(field jobId)
echo "job $job"

until=$(($(date +%s) + patience))
while :; do
    answer=$(ask "$base/v2/jobs/$job") || { echo "$answer" >&2; exit 1; }
    case $(field status) in
        QUEUED | PROCESSING) ;;
        COMPLETED) break ;;
        *) echo "$answer" >&2; exit 1 ;;
    esac
    [ "$(date +%s)" -lt "$until" ] || { echo "no result after $patience s" >&2; exit 1; }
    sleep 1
done

# Result addresses need no key, and are not for ever: save the file, not the address.
address=$(printf '%s' "$answer" | sed -n 's/.*"images": *\[ *"\([^"]*\)".*/\1/p')
curl -sS --fail -o picture-1.png "$address"
echo "saved picture-1.png $(wc -c < picture-1.png | tr -d ' ') bytes"

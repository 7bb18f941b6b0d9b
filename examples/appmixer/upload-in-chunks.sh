#!/usr/bin/env bash
# Upload a file in chunks through the Appmixer dialect, with nothing but curl.
#
#   URL=http://127.0.0.1:8080 TOKEN=… upload-in-chunks.sh FILE [BYTES-PER-CHUNK]
#
# TOKEN is an API key, or the token of POST /user/auth. Prints the JSON of the complete file. A
# chunk whose answer was lost is sent again: the server counts it once. FILE_ID carries on with an
# upload that was broken off; its state is at GET /files/metadata/$FILE_ID.
set -euo pipefail

file=$1
chunk_size=${2:-$((8 * 1024 * 1024))}
: "${URL:=http://127.0.0.1:8080}" "${TOKEN:?an API key or a token}" "${FILE_ID:=}"

size=$(stat --format %s "$file")
total=$(((size + chunk_size - 1) / chunk_size))
((total > 0)) || total=1 # an empty file is one empty chunk
auth="Authorization: Bearer $TOKEN"
answer=

number=1
if [[ -n $FILE_ID ]]; then
    answer=$(curl --fail-with-body --silent --show-error -H "$auth" "$URL/files/metadata/$FILE_ID")
    received=$(sed -n 's/.*"chunksReceived":\([0-9]*\).*/\1/p' <<<"$answer")
    number=$((${received:-$total} + 1))
fi

chunk=$(mktemp)
trap 'rm -f "$chunk"' EXIT

for (( ; number <= total; number++)); do
    dd if="$file" of="$chunk" bs="$chunk_size" skip=$((number - 1)) count=1 status=none
    headers=(-H "uploader-chunk-number: $number" -H "uploader-chunks-total: $total")
    if [[ -z $FILE_ID ]]; then
        headers+=(-H "uploader-file-name: $(basename "$file")")
    else
        headers+=(-H "uploader-file-id: $FILE_ID")
    fi
    answer=$(
        curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused \
            -H "$auth" "${headers[@]}" -F "file=@$chunk;filename=chunk" "$URL/files"
    ) || {
        printf '%s\n' "$answer" >&2
        exit 1
    }
    FILE_ID=$(sed -n 's/.*"fileId":"\([0-9a-f-]*\)".*/\1/p' <<<"$answer")
    printf 'chunk %d of %d: %s\n' "$number" "$total" "$FILE_ID" >&2
done

printf '%s\n' "$answer"

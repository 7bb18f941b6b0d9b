#!/bin/sh
# A day on a building site at the Daxium door, with sh and curl only: log in, send a photo, make a
# submission with it, see that it cannot be used twice, read it back, correct the report, clear up.
#
#   CONSIGNE_URL=http://127.0.0.1:8080 CONSIGNE_KEY=… CONSIGNE_CLIENT=id:secret \
#   CONSIGNE_USER=e-mail CONSIGNE_PASSWORD=… examples/daxium/day.sh [photo.png]
#
# All of these are what the server printed at its first start; the instance is the space `default`
# unless CONSIGNE_INSTANCE names another one.
set -eu

url=${CONSIGNE_URL:-http://127.0.0.1:8080}
instance=${CONSIGNE_INSTANCE:-default}
key=${CONSIGNE_KEY:?"set CONSIGNE_KEY to the key of an administrator"}
client=${CONSIGNE_CLIENT:?"set CONSIGNE_CLIENT to the id:secret of an OAuth client"}
user=${CONSIGNE_USER:?"set CONSIGNE_USER to the e-mail of a member"}
password=${CONSIGNE_PASSWORD:?"set CONSIGNE_PASSWORD"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# field NAME: a text or number of the JSON on the standard input (answers are compact).
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }
# own_id: the id that an answer begins with.
own_id() { sed -n 's/^{"id":"\([^"]*\)".*/\1/p'; }
say() { printf '%s\n' "$*"; }

# A PNG of one pixel, unless a photo is given.
photo=${1:-$work/photo.png}
[ -e "$photo" ] || base64 -d >"$photo" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==
PNG

# An administrator draws the form, once, through the native API.
form='{"types":[{"name":"Visite","label":"Visite de chantier","dialect":"daxium","fields":[
    {"id":"titre","type":"text"},{"id":"photo","type":"image","multiple":true}]}]}'
structure=$(curl -sS --fail-with-body -X PUT -H "Authorization: Bearer $key" \
    -H "Content-Type: application/json" -d "$form" "$url/consigne/v1/types?space=$instance" |
    field number)
say "Formulaire: $structure"

token=$(curl -sS --fail-with-body "$url/oauth/v2/token" \
    --data-urlencode "client_id=${client%%:*}" --data-urlencode "client_secret=${client#*:}" \
    --data-urlencode grant_type=password \
    --data-urlencode "username=$user" --data-urlencode "password=$password")
auth="Authorization: Bearer $(printf '%s' "$token" | field access_token)"
say "Connecté pour $(printf '%s' "$token" | field expires_in) secondes"

# call METHOD PATH [BODY]: the JSON of the answer; the end where the server refuses.
call() {
    curl -sS --fail-with-body -X "$1" -H "$auth" -H "X-Accept-Version: v1.3" \
        ${3:+-H "Content-Type: application/json" -d "$3"} "$url/$instance$2"
}

uuid=$(curl -sS --fail-with-body -H "$auth" -H "Content-Type: image/png" \
    --data-binary "@$photo" "$url/$instance/files/upload" | field uuid)
say "Photo envoyée: $uuid"

items="{\"titre\":\"Façade nord\",\"photo\":[{\"id\":\"$uuid\",\"name\":\"façade.png\"}]}"
report="{\"structure_id\":$structure,\"structure_version\":1,\"items\":$items}"
call POST /submissions "$report" >"$work/made.json"
submission=$(own_id <"$work/made.json")
say "Fiche n° $(field submission_number <"$work/made.json"): $submission"

if again=$(call POST /submissions "$report" 2>/dev/null); then
    say "La photo a servi deux fois!"
    exit 1
fi
say "Seconde utilisation refusée: $(printf '%s' "$again" | field code)"

curl -sS --fail-with-body -H "$auth" -o "$work/back.png" \
    "$url/$instance/submissions/$submission/file/$uuid"
cmp "$photo" "$work/back.png"
say "Relue: identique"

call PATCH "/submissions/$submission" '{"items":{"titre":"Façade sud"}}' | grep -q 'Façade sud'
say "Fiche corrigée, photo gardée"

call GET "/submissions?structure_id=$structure&fields=id" | grep -q "$submission"
call DELETE "/submissions/$submission"
if call GET "/submissions/$submission" >/dev/null 2>&1; then exit 1; fi
say "Fin de journée."

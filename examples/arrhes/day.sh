#!/bin/sh
# An accountant's day at the Arrhes door, with sh and curl only:
# a year, an invoice by a signed URL, a folder in a folder, reading it back, emptying it.
#
#   CONSIGNE_URL=http://127.0.0.1:8080 CONSIGNE_KEY=… examples/arrhes/day.sh [invoice.pdf]
set -eu

url=${CONSIGNE_URL:-http://127.0.0.1:8080}
key=${CONSIGNE_KEY:?"set CONSIGNE_KEY to the key that the server printed"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

invoice=${1:-$work/facture.pdf}
[ -e "$invoice" ] || printf '%%PDF-1.4\n%% Facture FA-118, 120,00 EUR\n%%%%EOF\n' >"$invoice"

# call METHOD PATH [BODY]: the JSON of the answer; the end where the server refuses.
call() {
    curl -sS --fail-with-body -X "$1" -H "Authorization: Bearer $key" \
        ${3:+-H "Content-Type: application/json" -d "$3"} "$url/v1/organizations/me$2"
}
# field NAME: a text field of the JSON on the standard input (answers are compact).
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
# own_id: the id that an answer begins with.
own_id() { sed -n 's/^{"id":"\([^"]*\)".*/\1/p'; }
say() { printf '%s\n' "$*"; }

today=$(date +%Y)
year=$(call POST /years "{\"startingAt\":\"$today-01-01\",\"endingAt\":\"$today-12-31\"}" | own_id)
at=/years/$year
say "Exercice $today: $year"

file=$(call POST "$at/files" '{"name":"facture-bureau.pdf","reference":"FA-118"}' | own_id)
size=$(wc -c <"$invoice" | tr -d ' ')
put=$(call POST "$at/files/$file/upload-url" "{\"type\":\"application/pdf\",\"size\":$size}" | field url)
curl -sS --fail-with-body -T "$invoice" "$put"
call POST "$at/files/$file/finalize" >"$work/kept.json"
say "Pièce reçue: $file, SHA-256 $(field hash <"$work/kept.json")"

purchases=$(call POST "$at/folders" '{"name":"Achats"}' | own_id)
month=$(call POST "$at/folders" "{\"name\":\"Achats 02/$today\",\"idFolderParent\":\"$purchases\"}" | own_id)
call PATCH "$at/files/$file" "{\"idFolder\":\"$month\",\"date\":\"$today-02-28\"}" >/dev/null
say "Classée dans: $month (sous $purchases)"

get=$(call POST "$at/files/$file/download-url" | field url)
curl -sS --fail-with-body -o "$work/back.pdf" "$get"
cmp "$invoice" "$work/back.pdf"
say "Relue: identique"

if text=$(call POST "$at/files/$file/ocr" 2>/dev/null); then
    say "Texte: $(printf '%s' "$text" | field name)"
else
    say "Texte: pas reconnu ($(printf '%s' "$text" | field cause))"
fi

delete=$(call POST "$at/files/$file/delete-url" | field url)
curl -sS --fail-with-body -X DELETE "$delete"
call GET "$at/files/$file" | grep -q '"size":null'
say "Contenu supprimé, la pièce reste: $file"

call DELETE "$at/folders/$purchases" >/dev/null
call DELETE "$at/files/$file" >/dev/null
say "Fin de journée."

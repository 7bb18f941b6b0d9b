#!/bin/sh
# A working day at the Dynacase door, with sh and curl only: a family is made (contrat.json, by the
# native API), a scan becomes a temporary file, a new contract adopts it, annexes are added, the scan
# is replaced behind the same reference, everything is read back, the contract goes into the trash.
#
#   CONSIGNE_URL=http://127.0.0.1:8080 CONSIGNE_KEY=… examples/dynacase/day.sh [contrat.pdf]
set -eu

url=${CONSIGNE_URL:-http://127.0.0.1:8080}
key=${CONSIGNE_KEY:?"set CONSIGNE_KEY to the key that the server printed"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scan=${1:-$work/contrat.pdf}
[ -e "$scan" ] || printf '%%PDF-1.4\n%% Bail du 2 mars, première version\n%%%%EOF\n' >"$scan"

# call METHOD PATH-OR-URL [CURL-OPTION…]: the JSON of the answer; the end where the server refuses.
call() {
    method=$1 where=$2
    shift 2
    case $where in http*) ;; *) where=$url/api/$where ;; esac
    curl -sS --fail-with-body -X "$method" -H "Authorization: token $key" "$@" "$where"
}
# field NAME: a text field of the JSON on the standard input (answers are compact).
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
say() { printf '%s\n' "$*"; }

curl -sS --fail-with-body -o /dev/null -X PUT -H "Authorization: Bearer $key" \
    -H "Content-Type: application/json" --data-binary "@$(dirname "$0")/contrat.json" \
    "$url/consigne/v1/types"
say "Famille: CONTRAT"

call POST file -H "Content-Type: application/pdf" \
    -H 'Content-Disposition: attachment; filename="contrat.pdf"' \
    --data-binary "@$scan" >"$work/temporary.json"
temporary=$(field reference <"$work/temporary.json")
say "Fichier temporaire: $temporary"

contract=$(
    call POST families/CONTRAT -H "Content-Type: application/json" -d "{\"attributes\":{
        \"ct_titre\":{\"value\":\"Bail du 2 mars\"},
        \"ct_scan\":{\"value\":\"$temporary\"}}}" | field uri
)
say "Document: $contract"

call GET "$contract/file/ct_scan" >"$work/scan.json"
reference=$(field reference <"$work/scan.json")
download=$(field downloadUrl <"$work/scan.json")
say "Référence: $reference"
call GET "$download" -o "$work/back.pdf"
cmp "$scan" "$work/back.pdf"
say "Relu: identique"

for number in 1 2; do
    printf 'Annexe %s\n' "$number" >"$work/annexe-$number.txt"
    call POST "$contract/file/ct_annexes" -F "fi_file=@$work/annexe-$number.txt" |
        field reference >"$work/annexe"
    say "Annexe $number: $(cat "$work/annexe")"
done

printf '%%PDF-1.4\n%% Bail du 2 mars, version signée\n%%%%EOF\n' >"$work/signed.pdf"
call PUT "$contract/file/ct_scan" -H "Content-Type: application/pdf" \
    --data-binary "@$work/signed.pdf" >"$work/signed.json"
[ "$(field reference <"$work/signed.json")" = "$reference" ]
call GET "$download" -o "$work/back.pdf"
cmp "$work/signed.pdf" "$work/back.pdf"
say "Remplacé: même référence, nouveau contenu"

# An old form can only POST, and reads its answer out of a page.
printf 'Annexe 2, corrigée\n' >"$work/annexe-2.txt"
call POST "$contract/file/ct_annexes/1?alt=html" -H "X-HTTP-Method-Override: PUT" \
    -F "fi_file=@$work/annexe-2.txt" >"$work/page.html"
grep -q '<textarea>' "$work/page.html"
say "Formulaire: annexe 2 remplacée"

if call PUT "$contract/file/ct_annexes" --data-binary "@$work/annexe-1.txt" >"$work/refusal.json" 2>&1
then exit 1; fi
say "Refus: $(field code <"$work/refusal.json") $(field contentText <"$work/refusal.json")"

call DELETE "$contract/file/ct_annexes/0" >/dev/null
say "Annexe 1 retirée"
trash=$(call DELETE "$contract" | field uri)
say "Corbeille: $trash"
say "Fin de journée."

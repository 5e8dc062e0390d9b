#!/usr/bin/env bash
# Connects a merchant's WooCommerce store through Cartkey, then uses it. Needs curl, jq and openssl.
#
#   export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
#   ./connect.sh link merchant-42                     # prints the address to send the merchant to
#   ./connect.sh came-back RETURNED_TO merchant-42    # the address they returned to, and the signed-in user
#   ./connect.sh orders merchant-42                   # calls their store
#   ./connect.sh follow                               # prints events as they happen
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# cartkey METHOD PATH [CURL ARGUMENTS…]: prints the response body; on a problem, prints its code and exits.
# Headers come from standard input: other users of the machine can read command lines.
cartkey() {
  local method=$1 path=$2 status
  shift 2
  status=$(curl -sS -X "$method" -H @- -D "$work/headers" -o "$work/body" -w '%{http_code}' "$@" "$CARTKEY$path" \
    <<<"Authorization: Bearer $TOKEN")
  if ((status >= 400)); then jq -r '"\(.code): \(.detail)"' "$work/body" >&2; exit 1; fi
  if ((status != 304)); then cat "$work/body"; fi
}

urlencode() { jq -rn --arg text "$1" '$text|@uri'; }

# 1. Creates a link for the merchant who is signed in to your application. Send them to its address.
make_link() {
  jq -n --arg user "$1" --arg back "$RETURN_URL" '{user_id: $user, return_url: $back, confirm: "app"}' >"$work/new_link"
  cartkey POST /api/v1/links --data-binary "@$work/new_link" | jq -r .url
}

# One query parameter of an address.
parameter() {
  local value
  value=$(tr '?&' '\n\n' <<<"${1%%#*}" | sed -n "s/^$2=//p" | head -n 1)
  value=${value//+/ }
  printf '%b' "${value//%/\\x}"
}

# 2. The merchant's browser has returned. State who is signed in: if the link is someone else's, Cartkey connects nothing.
came_back() {
  local returned_to=$1 signed_in=$2 attempt
  if [[ $(parameter "$returned_to" status) != awaiting_confirmation ]]; then echo "not connected"; return; fi
  attempt=$(urlencode "$(parameter "$returned_to" attempt_id)")
  jq -n --arg code "$(parameter "$returned_to" code)" --arg user "$signed_in" '{code: $code, user_id: $user}' >"$work/code"
  cartkey POST "/api/v1/attempts/$attempt/confirm" --data-binary "@$work/code" | jq -r '"connected \(.id) \(.url)"'
}

# 3. Fetches the store's keys into $keys. Call it whenever you need them: while they are unchanged, the response is a short 304.
keys='' etag=''
fetch_keys() {
  cartkey GET "/api/v1/users/$(urlencode "$1")/keys" ${etag:+-H "If-None-Match: $etag"} >"$work/keys"
  if [[ -s $work/keys ]]; then # empty on 304: the keys you have are current
    keys=$(cat "$work/keys")
    etag=$(sed -n 's/^etag: *//Ip' "$work/headers" | tr -d '\r')
  fi
}
of_keys() { jq -r ".$1" <<<"$keys"; }

# 4. Sends a GET to the store's REST API, with the key as this store accepts it: prints the status; the body is in a file.
ask_store() {
  local url query=$2 key secret method config
  url=$(of_keys api_url)$1
  # A store with plain permalinks has the path in a parameter.
  if [[ $url == *\?* ]]; then query="${url#*\?}&$query" url=${url%%\?*}; fi
  key=$(of_keys consumer_key) secret=$(of_keys consumer_secret) method=$(of_keys auth_method)
  config=''
  # An application password of WordPress: user name and password take the places of key and secret.
  if [[ $method == application_password ]]; then key=$(of_keys username) secret=$(of_keys password); fi
  case $method in
    basic | application_password) config="user = \"$key:$secret\"" ;;
    query) query+="&consumer_key=$key&consumer_secret=$secret" ;;
    oauth1) query+="&$(oauth "$url" "$query" "$key" "$secret")" ;;
    # The store's PHP does not see https: send over https, sign as http.
    oauth1_http) query+="&$(oauth "${url/#https:/http:}" "$query" "$key" "$secret")" ;;
  esac
  curl -sS -K - -A my-app/1.0 -H 'Accept: application/json' -o "$work/answer" -w '%{http_code}' \
    <<<"$config"$'\n'"url = \"$url?$query\""
}

# OAuth 1.0a (RFC 5849) as WooCommerce expects it: one-legged, in the query, HMAC-SHA256. openssl takes the secret on its command
# line, so on a shared machine, sign in another language.
oauth() {
  local url=$1 query=$2 key=$3 secret=$4 own base signature
  own="oauth_consumer_key=$key&oauth_nonce=$(openssl rand -hex 16)&oauth_signature_method=HMAC-SHA256&oauth_timestamp=$(date +%s)"
  base="GET&$(urlencode "${url%/}")&$(urlencode "$(tr '&' '\n' <<<"$query&$own" | LC_ALL=C sort | paste -sd '&')")"
  signature=$(printf %s "$base" | openssl dgst -sha256 -hmac "$secret&" -binary | base64 -w0)
  echo "$own&oauth_signature=$(urlencode "$signature")"
}

# The store's JSON, also among PHP notices and comments (`notes`: json_has_noise): the first object or list of objects.
read_json() {
  jq -Rs '. as $text | [match("[\\]}]"; "g").offset + 1] as $ends | first(match("[\\[{]"; "g").offset as $start
    | $ends | reverse[] | select(. > $start) | $text[$start:.] | [fromjson?][] | select(type == "object" or all(.[]; type == "object")))'
}

orders() {
  local status
  fetch_keys "$1"
  status=$(ask_store /orders per_page=10)
  if [[ $status == 401 || $status == 403 ]]; then
    # 5. Report it to Cartkey, which checks the store itself and returns the reason.
    cartkey POST "/api/v1/stores/$(of_keys store_id)/check" | jq -r '"the store refused: \(.status), \(.reason)"' >&2
    exit 1
  fi
  if [[ $status != 200 ]]; then echo "the store answered $status" >&2; exit 1; fi
  fetch_keys "$1"
  echo "$(read_json <"$work/answer" | jq length) orders, by $(of_keys auth_method)"
}

# 6. Prints all events, in order, with no gaps. Store `next` to continue there after a restart.
follow() {
  local after=${1:-latest}
  while true; do
    cartkey GET "/api/v1/events?after=$after&wait=20" >"$work/news"
    jq -r '.data[] | "\(.id) \(.type) \(.data.store_id // "")"' "$work/news"
    after=$(jq -r .next "$work/news")
  done
}

case $1 in
  link) make_link "$2" ;;
  came-back) came_back "$2" "$3" ;;
  orders) orders "$2" ;;
  follow) follow "${2:-latest}" ;;
esac

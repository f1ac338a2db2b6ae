# What curl makes of the variables of a workload. Each line is NAME: RESULT.
set -u
call() { name=$1; shift; printf '%s: ' "$name"; curl -sS --max-time 30 "$@" 2>&1; echo " exit $?"; }
wrote='%{http_code} %{http_version}'

# Between apps, by name.
call http1 --http1.1 -o /dev/null -w "$wrote" http://api/
call upgrade --http2 -o /dev/null -w "$wrote" http://api/
call http2 --http2-prior-knowledge -o /dev/null -w "$wrote" http://api/
head -c 3000000 /dev/zero >/tmp/body
call sent1 --http1.1 -T /tmp/body -w " $wrote" http://api/size
call sent2 --http2-prior-knowledge -T /tmp/body -w " $wrote" http://api/size
call expect --http1.1 -H 'Expect: 100-continue' -T /tmp/body -w " $wrote" http://api/size
call nobody -o /dev/null -w "$wrote" http://nobody/

# Out, by the proxy that the variables name.
call plain -w " $wrote" http://allowed.test:8080/plain
call tunnel -p -w " $wrote" http://allowed.test:8080/tunnel
call tls -k -w " $wrote" https://allowed.test:8443/tls
call refused -o /dev/null https://refused.test/
call around --noproxy '*' -o /dev/null http://allowed.test:8080/around

# A token, and models with it.
token() { curl -sS --max-time 30 -H "X-IDENTITY-HEADER: $2" "$IDENTITY_ENDPOINT?api-version=2019-08-01&client_id=$AZURE_CLIENT_ID&resource=$1"; }
text=$(token https://cognitiveservices.azure.com "$IDENTITY_HEADER" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
echo "vault: $(token https://vault.azure.net "$IDENTITY_HEADER")"
echo "stranger: $(token https://cognitiveservices.azure.com wrong)"
ask() { path=$1; shift; curl -sS --max-time 30 "--$version" -N -H 'Content-Type: application/json' "$@" "$AZURE_OPENAI_ENDPOINT$path" 2>&1; }
pieces() { grep -oE '"content":"[^"]+"|data: \[DONE\]' | tr '\n' ' ' | sed 's/ $//'; echo; }
message='"max_tokens":5,"messages":[{"role":"user","content":"curl asks this"}]'
for version in http1.1 http2; do
    printf '%s streamed: ' $version
    ask openai/v1/chat/completions -H "Authorization: Bearer $text" -d "{\"model\":\"chat\",\"stream\":true,$message}" | pieces
    printf '%s whole: ' $version
    ask "openai/deployments/chat/chat/completions?api-version=$OPENAI_API_VERSION" -H "Authorization: Bearer $text" -d "{$message}" | pieces
    printf '%s key: ' $version
    ask openai/v1/chat/completions -H 'api-key: stolen' -d "{\"model\":\"chat\",$message}" -o /dev/null -w '%{http_code}'
    echo " exit $?"
done

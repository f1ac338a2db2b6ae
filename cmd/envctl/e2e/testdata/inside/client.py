# A WebSocket client, and azure-identity with nothing but what it finds.
import asyncio
import json
import os
import ssl
import time
import urllib.request

import websockets
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential


async def talk():
    async with websockets.connect("ws://peer/chat", subprotocols=["chat"]) as socket:
        for message in "hello", "x" * (512 << 10), b"\0\1":
            await socket.send(message)
            assert await socket.recv() == message
        pong = await socket.ping()
        await pong
        await socket.send("bye")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            print("websocket:", socket.subprotocol, closed.rcvd.code, closed.rcvd.reason)


asyncio.run(talk())

SCOPE = "https://cognitiveservices.azure.com/.default"
for credential in ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"]), DefaultAzureCredential():
    token = credential.get_token(SCOPE)
    print("identity:", type(credential).__name__, 0 < token.expires_on - time.time() <= 3600)
try:
    ManagedIdentityCredential(client_id=os.environ["AZURE_CLIENT_ID"]).get_token("https://vault.azure.net/.default")
except ClientAuthenticationError as refused:
    print("vault:", "Key Vault Secrets User" in str(refused))

request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "chat/completions",
    json.dumps({"model": "chat", "stream": True, "max_tokens": 5, "messages": [{"role": "user", "content": "python asks"}]}).encode(),
    {"Authorization": "Bearer " + token.token, "Content-Type": "application/json"},
)
parts = ""
with urllib.request.urlopen(request, context=ssl.create_default_context()) as answer:
    for line in answer:
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:])["choices"]:
                parts += choice["delta"].get("content") or ""
print("stream:", parts)

// The official clients of OpenAI and of Azure's identities, and a WebSocket client,
// with nothing but what they find.
import { DefaultAzureCredential, ManagedIdentityCredential, getBearerTokenProvider } from '@azure/identity';
import OpenAI, { AzureOpenAI } from 'openai';
import WebSocket from 'ws';

const socket = new WebSocket('ws://peer/chat', 'chat');
await new Promise((resolve, reject) => {
  socket.on('open', () => socket.send('hello'));
  socket.on('message', (data) => socket.send(data.toString() === 'hello' ? 'x'.repeat(512 << 10) : 'bye'));
  socket.on('close', (code, reason) => { console.log('websocket:', socket.protocol, code, reason.toString()); resolve(); });
  socket.on('error', reject);
});

const scope = 'https://cognitiveservices.azure.com/.default';
const managed = new ManagedIdentityCredential({ clientId: process.env.AZURE_CLIENT_ID });
console.log('identity:', (await managed.getToken(scope)).expiresOnTimestamp > Date.now());
await managed.getToken('https://vault.azure.net/.default').then(
  () => console.log('vault: a token'), (refused) => console.log('vault:', /Key Vault Secrets User/.test(refused.message)));

const azureADTokenProvider = getBearerTokenProvider(new DefaultAzureCredential(), scope);
// As docs/models.md says: the client of Azure would take OPENAI_BASE_URL and does not cope with a slash at the end.
const endpoint = process.env.AZURE_OPENAI_ENDPOINT.replace(/\/$/, '');
const azure = new AzureOpenAI({ azureADTokenProvider, endpoint, baseURL: '' });
const plain = new OpenAI({ apiKey: await azureADTokenProvider() });
for (const [name, client] of [['azure', azure], ['openai', plain]]) {
  const params = { model: 'chat', max_tokens: 5, messages: [{ role: 'user', content: `${name} asks this` }] };
  const answer = await client.chat.completions.create(params);
  console.log(`${name} chat:`, answer.choices[0].message.content, answer.usage.total_tokens > 0);
  let text = '';
  for await (const part of await client.chat.completions.create({ ...params, stream: true })) {
    text += part.choices[0]?.delta?.content ?? '';
  }
  console.log(`${name} stream:`, text);
  const unknown = client.chat.completions.create({ ...params, model: 'other' }, { maxRetries: 0 });
  await unknown.catch((refused) => console.log(`${name} other:`, refused.status, refused instanceof OpenAI.APIError));
}

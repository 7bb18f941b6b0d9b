// The AWS SDK for JavaScript, unmodified: node aws_sdk.mjs MODULES < REQUEST
// REQUEST is JSON. With {"replay": [{method, url, headers, body}]} the SDK's own HTTP handler sends
// URLs as they are; with {"endpoint", "pair", "commands": [{name, input, body, options}]} the SDK
// signs a URL for each command, which fetch sends. Bodies are base64.
// Prints a JSON list of {url, status, headers, body}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const load = createRequire(process.argv[2] + "/");
const sdk = load("@aws-sdk/client-s3");
const { getSignedUrl } = load("@aws-sdk/s3-request-presigner");
const request = JSON.parse(readFileSync(0, "utf8"));

const bytes = (text) => (text === undefined ? undefined : Buffer.from(text, "base64"));

async function collected(stream) {
  const pieces = [];
  for await (const piece of stream ?? []) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("base64");
}

async function replay({ method, url, headers = {}, body }) {
  const handler = new sdk.S3Client({ region: "us-east-1" }).config.requestHandler;
  const parts = new URL(url);
  const query = {};
  for (const [name, value] of parts.searchParams) query[name] = value;
  const { response } = await handler.handle({
    protocol: parts.protocol,
    hostname: parts.hostname,
    port: Number(parts.port) || undefined,
    path: parts.pathname,
    query,
    method,
    headers: { host: parts.host, ...headers },
    body: bytes(body),
  });
  const { statusCode: status, headers: answered } = response;
  return { url, status, headers: answered, body: await collected(response.body) };
}

async function signed(client, { name, input, body, options = {} }) {
  const url = await getSignedUrl(client, new sdk[`${name}Command`](input), {
    expiresIn: 60,
    ...options,
  });
  const method = { Get: "GET", Put: "PUT", Head: "HEAD", Delete: "DELETE" }[name.slice(0, -6)];
  const got = await fetch(url, { method, body: bytes(body) });
  const data = Buffer.from(await got.arrayBuffer()).toString("base64");
  return { url, status: got.status, headers: Object.fromEntries(got.headers), body: data };
}

let answers;
if (request.replay) {
  answers = await Promise.all(request.replay.map(replay));
} else {
  const [accessKeyId, secretAccessKey] = request.pair;
  const client = new sdk.S3Client({
    region: "us-east-1",
    endpoint: request.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    ...request.config,
  });
  answers = [];
  for (const command of request.commands) answers.push(await signed(client, command));
}
console.log(JSON.stringify(answers));

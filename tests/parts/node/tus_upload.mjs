// Send a file with the npm package tus-js-client, unmodified, as an application would. A stream goes
// through a PassThrough: with a deferred length the package never ends a ReadStream of a file.
// node tus_upload.mjs MODULES < {"endpoint", "token", "path", "options": {…}}
// Prints {"event": "success" | "error", "url", "file", "detail", "retries": n}.
import { createRequire } from "node:module";
import { createReadStream, readFileSync } from "node:fs";
import { PassThrough } from "node:stream";

const [modules] = process.argv.slice(2);
const { endpoint, token, path, stream, options } = JSON.parse(readFileSync(0, "utf8"));
const tus = createRequire(modules + "/")("tus-js-client");

let retries = 0;
let file = null;
const report = (event, detail) =>
  console.log(JSON.stringify({ event, url: upload.url, file, detail, retries }));
const upload = new tus.Upload(stream ? createReadStream(path).pipe(new PassThrough()) : readFileSync(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  retryDelays: Array(60).fill(200),
  ...options,
  onAfterResponse: (request, response) => {
    const place = response.getHeader("Content-Location") ?? response.getHeader("Location") ?? "";
    const named = /\/files\/([^/]+)$/.exec(place);
    file = response.getHeader("X-Consigne-File") ?? (named ? named[1] : file);
  },
  onShouldRetry: (error) => {
    retries += 1;
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
    return status < 400 || status >= 500 || status === 409 || status === 423;
  },
  onSuccess: () => report("success", null),
  onError: (error) => report("error", String(error)),
});
upload.start();

// Send a file with the npm package huge-uploader, unmodified, as a browser would:
// node huge_upload.mjs MODULES ENDPOINT TOKEN FILE CHUNK_MB [RETRY_SECONDS]
// Prints {"event": "finish" | "error", "detail": …, "retries": n}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const [modules, endpoint, token, path, chunkMegabytes, retrySeconds = "1"] = process.argv.slice(2);

// What the package takes from the browser and node does not have.
globalThis.window = new EventTarget();
globalThis.FileReader = class {
  readAsArrayBuffer(blob) {
    blob.arrayBuffer().then((buffer) => {
      this.result = buffer;
      this.onload();
    });
  }
};

const HugeUploader = createRequire(modules + "/")("huge-uploader");
const uploader = new HugeUploader({
  endpoint,
  file: new File([readFileSync(path)], basename(path)),
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: Number(chunkMegabytes),
  delayBeforeRetry: Number(retrySeconds),
});

let retries = 0;
const report = (event, detail) => console.log(JSON.stringify({ event, detail, retries }));
uploader.on("fileRetry", () => (retries += 1));
uploader.on("finish", ({ detail }) => report("finish", detail));
uploader.on("error", async ({ detail }) =>
  report("error", detail?.status ? { status: detail.status, body: await detail.text() } : detail),
);

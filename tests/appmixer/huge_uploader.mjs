// Drive the unmodified npm package huge-uploader under node.
//
//   huge_uploader.mjs PACKAGE ENDPOINT TOKEN FILE MEGABYTES-PER-CHUNK
//
// Of a browser it misses FileReader and window only. Prints one JSON line: the event that ended the
// upload, its detail, and the events before it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createRequire } from 'node:module';

globalThis.window = new EventTarget();
globalThis.FileReader = class {
    readAsArrayBuffer(blob) {
        blob.arrayBuffer().then((buffer) => {
            this.result = buffer;
            this.onload();
        });
    }
};

const [packageFolder, endpoint, token, path, megabytes] = process.argv.slice(2);
const loaded = createRequire(import.meta.url)(packageFolder);
const HugeUploader = loaded.default ?? loaded;
const uploader = new HugeUploader({
    endpoint,
    file: new File([readFileSync(path)], basename(path)),
    headers: { Authorization: `Bearer ${token}` },
    postParams: { comment: 'sent with the last chunk' },
    chunkSize: Number(megabytes),
    delayBeforeRetry: 0.05,
});

const events = [];
const end = (event, detail) => console.log(JSON.stringify({ event, detail, events }));
uploader.on('progress', (e) => events.push(['progress', e.detail]));
uploader.on('fileRetry', (e) => events.push(['retry', e.detail.chunk]));
uploader.on('finish', (e) => end('finish', JSON.parse(e.detail)));
uploader.on('error', async (e) => {
    end('error', e.detail?.status ? [e.detail.status, await e.detail.text()] : e.detail);
});

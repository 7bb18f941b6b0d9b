// The example of @tus/server's own documentation: node tus_server.mjs PORT FOLDER MODULES
import { createRequire } from "node:module";

const [port, directory, modules] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { Server } = require("@tus/server");
const { FileStore } = require("@tus/file-store");

const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
server.listen({ host: "127.0.0.1", port: Number(port) });

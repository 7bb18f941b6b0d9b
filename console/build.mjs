// Build the console: node build.mjs [folder]. The same sources give the same bytes anywhere.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../src/consigne/console/static"));

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const made = await build({
  absWorkingDir: here,
  entryPoints: { console: "src/main.tsx" },
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});

const outputs = Object.entries(made.metafile.outputs);
const [entry, said] = outputs.find(([, output]) => output.entryPoint === "src/main.tsx");
const name = (path) => path.split("/").at(-1);
const needed = said.imports.filter((each) => each.kind === "import-statement");
const page = await readFile(join(here, "src/index.html"), "utf8");
const preload = needed.map(
  (each) => `<link rel="modulepreload" href="{prefix}/console/static/${name(each.path)}">`,
);
await writeFile(
  join(target, "index.html"),
  page
    .replace("{script}", name(entry))
    .replace("{style}", name(said.cssBundle))
    .replace("{preload}", preload.join("")),
);

// The licences of what is in the bundle, as they ask for it.
const { dependencies } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
const used = new Set(
  Object.keys(made.metafile.inputs)
    .filter((path) => path.includes("node_modules/"))
    .map((path) => path.split("node_modules/").at(-1).split("/"))
    .map(([first, second]) => (first.startsWith("@") ? `${first}/${second}` : first)),
);
const texts = [];
for (const each of [...used].sort()) {
  const folder = join(here, "node_modules", each);
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((found) => /^licen[cs]e/i.test(found));
  const text = file ? (await readFile(join(folder, file), "utf8")).trim() : license;
  texts.push(`${each} ${version}\n\n${text}\n`);
}
if (Object.keys(dependencies).some((each) => !used.has(each) && each !== "tus-js-client")) {
  throw new Error("a dependency is not used");
}
await writeFile(join(target, "licences.txt"), texts.join("\n---\n\n"));

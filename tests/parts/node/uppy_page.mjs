// A page that uploads with Uppy, unmodified, as an application's own would; esbuild bundles it.
// What to do stands in the page's fragment as JSON: {"endpoint", "token", "tus": {…}}. Files are
// chosen in the input; window.outcome is then [{name, url}] of the successful and of the failed.
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";

const wish = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const uppy = new Uppy();
uppy.use(Tus, {
  endpoint: wish.endpoint,
  headers: { Authorization: `Bearer ${wish.token}` },
  retryDelays: Array(60).fill(200),
  ...wish.tus,
});

const told = (files) => files.map(({ name, uploadURL }) => ({ name, url: uploadURL }));

document.querySelector("input").addEventListener("change", async (event) => {
  for (const file of event.target.files) {
    uppy.addFile({ name: file.name, type: file.type, data: file, source: "input" });
  }
  const { successful, failed } = await uppy.upload();
  window.outcome = { successful: told(successful), failed: told(failed) };
});

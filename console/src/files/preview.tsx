// What a file looks like: a picture, its text, or a player. Nothing of it runs here.
import { useEffect, useState } from "preact/hooks";
import { space, url } from "../core/api";
import { useLoaded } from "../core/loading";
import { Icon } from "../parts/icons";
import { IconButton, Spinner } from "../parts/buttons";
import { type File, contentUrl, hasPicture, iconOf, pictureUrl } from "./model";
import { w } from "./words";

const SHOWN = 64 * 1024;

export function Preview({ file }: { file: File }) {
  const short = space.value!.short;
  const type = file.detected_type ?? file.type;
  if (hasPicture(file)) return <Picture key={`${file.id}.${file.version}`} file={file} short={short} />;
  if (type.startsWith("audio/")) {
    return <audio class="player" controls preload="metadata" src={contentUrl(file.id, short, true)} aria-label={file.name} />;
  }
  if (type.startsWith("video/")) {
    return <video class="player" controls preload="metadata" src={contentUrl(file.id, short, true)} aria-label={file.name} />;
  }
  if (type.startsWith("text/") || /json|xml|yaml|javascript/.test(type)) return <Text key={`${file.id}.${file.version}`} file={file} short={short} />;
  return <Nothing file={file} text={w().noPreview} />;
}

function Picture({ file, short }: { file: File; short: string }) {
  const [page, setPage] = useState(1);
  const [pages, setPages] = useState<number | null>(null);
  const isPdf = file.detected_type === "application/pdf";
  const source = pictureUrl(file.id, short, 1024, file.version, page);
  const there = async () => {
    if (!isPdf || pages !== null) return;
    const answer = await fetch(source, { method: "HEAD", credentials: "same-origin" }).catch(() => null);
    const said = answer?.headers.get("X-Consigne-Pages");
    if (said) setPages(Number(said));
  };
  return (
    <>
      <Drawn key={page} file={file} source={source} alt={page > 1 ? `${file.name}, ${w().pageOf(page, pages)}` : file.name} onThere={() => void there()} />
      {pages !== null && pages > 1 && (
        <div class="preview-pages">
          <IconButton icon="left" label={w().pageBefore} disabled={page === 1} onClick={() => setPage(page - 1)} />
          <span class="quiet small" role="status">{w().pageOf(page, pages)}</span>
          <IconButton icon="right" label={w().pageAfter} disabled={page === pages} onClick={() => setPage(page + 1)} />
        </div>
      )}
    </>
  );
}

function Drawn({ file, source, alt, onThere }: { file: File; source: string; alt: string; onThere: () => void }) {
  const [state, setState] = useState<"loading" | "there" | "failed">("loading");
  const [round, setRound] = useState(0);
  useEffect(() => {
    // The first picture may take a moment: it is made when it is asked for.
    if (state !== "failed" || round >= 3) return;
    const timer = setTimeout(() => { setRound(round + 1); setState("loading"); }, 1500 * (round + 1));
    return () => clearTimeout(timer);
  }, [state]);
  if (state === "failed" && round >= 3) return <Nothing file={file} text={w().previewFailed} />;
  return (
    <figure class="preview">
      {state === "loading" && <span class="preview-wait"><Spinner /></span>}
      <img key={round} src={source} alt={alt} onLoad={() => { setState("there"); onThere(); }} onError={() => setState("failed")} />
    </figure>
  );
}

function Text({ file, short }: { file: File; short: string }) {
  const found = useLoaded(async (signal) => {
    if (!file.size) return "";
    const answer = await fetch(url(`/files/${file.id}/content`, { space: short }), {
      headers: { Range: `bytes=0-${SHOWN - 1}` }, signal, credentials: "same-origin",
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return new TextDecoder().decode(await answer.arrayBuffer());
  }, [file.id, file.version]);
  if (found.error) return <Nothing file={file} text={w().previewFailed} />;
  return (
    <figure class="preview text">
      <pre tabIndex={0} aria-label={file.name}>{found.value ?? ""}</pre>
      {file.size > SHOWN && <figcaption class="quiet small">{w().cut}</figcaption>}
    </figure>
  );
}

function Nothing({ file, text }: { file: File; text: string }) {
  return (
    <figure class="preview nothing">
      <Icon name={iconOf(file)} size={40} />
      <figcaption class="quiet small">{text}</figcaption>
    </figure>
  );
}

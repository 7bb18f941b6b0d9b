// What a file looks like: a picture, its text, or a player. Nothing of it runs here.
import { useEffect, useState } from "preact/hooks";
import { space, url } from "../core/api";
import { useLoaded } from "../core/loading";
import { Icon } from "../parts/icons";
import { Spinner } from "../parts/buttons";
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
      <img key={round} src={`${pictureUrl(file.id, short, 1024, file.version)}`} alt={file.name}
        onLoad={() => setState("there")} onError={() => setState("failed")} />
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

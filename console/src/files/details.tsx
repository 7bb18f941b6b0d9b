// Beside the list: one file with all that is known of it.
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal, get, may, post, session, space, url } from "../core/api";
import { useHappenings } from "../core/live";
import { type Loaded, useLoaded } from "../core/loading";
import { address, ask } from "../core/places";
import { moment, size } from "../core/words";
import { Button, IconButton, Link } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menus";
import { complain } from "../parts/notices";
import { Loading, Problem } from "../parts/states";
import * as actions from "./actions";
import { type File, type TextState, type Version, contentUrl, textOf } from "./model";
import { Guarding } from "./guarding";
import { Preview } from "./preview";
import { arrived, follow } from "./uploads";
import { w } from "./words";

interface Event {
  id: string;
  at: string;
  action: string;
  actor: number | null;
}

export function Details({ id }: { id: string }) {
  const file = useLoaded((signal) => get<File>(`/files/${id}`, { state: "kept,held" }, { signal }), [id]);
  const panel = useRef<HTMLElement>(null);
  useHappenings(["file"], (event) => {
    if (event.subject === id) file.reload();
  });
  const before = useRef<Element | null>(null);
  useEffect(() => {
    before.current ??= document.activeElement;
    panel.current?.focus({ preventScroll: true });
  }, [id]);
  const close = () => {
    ask({ file: undefined });
    if (before.current instanceof HTMLElement) before.current.focus();
  };
  const after = () => {
    arrived.value += 1;
    file.reload();
  };
  return (
    <aside
      ref={panel}
      class="details"
      aria-label={w().details}
      tabIndex={-1}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <header class="details-head">
        <h2>{file.value?.name ?? "…"}</h2>
        <IconButton icon="close" label={w().close} onClick={close} />
      </header>
      {file.error ? <Problem error={file.error} /> : !file.value ? <Loading /> : (
        <div class="details-body">
          <Preview file={file.value} />
          <div class="details-actions">
            <Button icon="download" onClick={() => actions.download([id])}>{w().download}</Button>
            <Button icon="share" onClick={() => actions.share(file.value!)}>{w().share.replace(/\s?…$/, "")}</Button>
            <Menu
              label={w().actions}
              choices={[
                { label: w().openTab, icon: "eye", onChoose: () => openTab(id) },
                { label: w().rename, icon: "edit", apart: true, disabled: !may("writer"), onChoose: () => actions.renameFile(file.value!, after) },
                { label: w().move, icon: "move", disabled: !may("writer"), onChoose: () => actions.move([id], after) },
                { label: w().tag, icon: "tag", disabled: !may("writer"), onChoose: () => actions.tag([file.value!], after) },
                { label: w().remove, icon: "trash", danger: true, apart: true, disabled: !may("writer"), onChoose: () => { close(); void actions.release([id], after); } },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </div>
          <Facts file={file.value} />
          {may("admin") && <Guarding file={file.value} after={after} />}
          <Text file={file.value} />
          <Fields file={file.value} />
          <Links file={file.value} />
          <Versions file={file.value} after={after} />
          <Digests file={file.value} />
          <History file={file.value} />
        </div>
      )}
    </aside>
  );
}

/** What a browser can show without danger it shows; the rest it downloads. */
function openTab(id: string): void {
  window.open(contentUrl(id, space.value!.short, true), "_blank", "noopener");
}

function Facts({ file }: { file: File }) {
  const visible = { space: w().visibleSpace, private: w().visiblePrivate, record: w().visibleRecord };
  return (
    <section>
      <h3>{w().facts}</h3>
      {file.tags.length > 0 && <p class="tags">{file.tags.map((each) => <span key={each} class="tag">{each}</span>)}</p>}
      <dl class="facts">
        <dt>{w().size}</dt><dd>{size(file.size)}</dd>
        <dt>{w().type}</dt><dd>{file.type}</dd>
        <dt>{w().folder}</dt>
        <dd><Link to={folderAddress(file)}><actions.FolderName id={file.folder} /></Link></dd>
        <dt>{w().added}</dt><dd>{moment(file.created_at)}</dd>
        {file.updated_at && <><dt>{w().changed}</dt><dd>{moment(file.updated_at)}</dd></>}
        <dt>{w().owner}</dt>
        <dd>{file.owner === session.value?.user.id ? w().you : file.owner ? w().user(file.owner) : "–"}</dd>
        <dt>{w().visible}</dt><dd>{visible[file.access]}</dd>
        {file.guards.length > 0 && (
          <>
            <dt>{w().guards}</dt>
            <dd>{[...file.guards.map(w().guard), file.hold_reason, file.retain_until && moment(file.retain_until)].filter(Boolean).join(", ")}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

const folderAddress = (file: File) =>
  url("", {}).replace(/\/consigne\/v1$/, "") + `/console/${space.value!.short}/files${file.folder ? `/${file.folder}` : ""}`;

function Text({ file }: { file: File }) {
  const known = useLoaded<TextState>(() => textOf(file.id), [file.id, file.version]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (known.value?.state !== "waiting") return;
    const timer = setTimeout(known.reload, 1500);
    return () => clearTimeout(timer);
  }, [known.value, known.busy]);
  if (!known.value) return null;
  const { state, origin, pages, length, recognisable, problem } = known.value;
  const said = busy || state === "waiting" ? w().textWaiting
    : state === "none" ? w().textNone
    : !length ? w().textEmpty
    : origin === "ocr" ? w().textOcr(pages) : w().textRead(pages);
  return (
    <section>
      <h3>{w().text}</h3>
      <p role="status">{said}</p>
      {problem && <p class="quiet small">{problem}</p>}
      {recognisable && !length && state !== "waiting" && may("writer") && (
        <Button
          icon="eye"
          busy={busy}
          onClick={async () => {
            setBusy(true);
            await follow(file.id, space.value!.short).catch(complain);
            setBusy(false);
            known.reload();
          }}
        >
          {w().recognise}
        </Button>
      )}
    </section>
  );
}

function Fields({ file }: { file: File }) {
  const fields = Object.entries(file.meta);
  if (!fields.length) return null;
  return (
    <section>
      <h3>{w().fields}</h3>
      <dl class="facts">{fields.map(([name, value]) => <><dt key={name}>{name}</dt><dd>{value}</dd></>)}</dl>
    </section>
  );
}

interface LinkOf {
  title: string;
  type: string;
  field: string;
  number: number;
  live: number | null;
  revision: number | null;
}

/** The records that link the file, each once: as it is now, and the revisions that were frozen with it. */
function Links({ file }: { file: File }) {
  const found = useLoaded(() => get<{ links: LinkOf[] }>(`/files/${file.id}/links`), [file.id, file.updated_at]);
  if (!found.value?.links.length) return null;
  const placesOf = new Map<string, LinkOf[]>();
  for (const each of found.value.links) {
    const key = `${each.live ?? each.number}.${each.field}`;
    placesOf.set(key, [...(placesOf.get(key) ?? []), each]);
  }
  return (
    <section>
      <h3>{w().links}</h3>
      <ul class="rows">
        {[...placesOf].map(([key, links]) => {
          const shown = links.find((each) => each.revision === null) ?? links.at(-1)!;
          const frozen = links.filter((each) => each.revision !== null);
          const way = ["records", shown.type, String(shown.live ?? shown.number)];
          return (
            <li key={key}>
              <div class="rows-main">
                <Link to={address(way)}>{shown.title || shown.type}</Link>
                <span class="quiet small">
                  {shown.type} · {shown.field}
                  {frozen.map((each) => (
                    <> · <Link to={address(way, { revision: String(each.revision) })}>{w().revision(each.revision!)}</Link></>
                  ))}
                </span>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Versions({ file, after }: { file: File; after: () => void }) {
  const found = useLoaded(() => get<{ versions: Version[] }>(`/files/${file.id}/versions`), [file.id, file.version]);
  const short = space.value!.short;
  return (
    <section>
      <h3>{w().versions}</h3>
      <Problem error={found.error} />
      <ul class="rows">
        {found.value?.versions.map((each) => (
          <li key={each.number}>
            <div class="rows-main">
              <a href={url(`/files/${file.id}/versions/${each.number}/content`, { space: short })} download>
                {w().version(each.number)}
              </a>
              <span class="quiet small">{size(each.size)} · {moment(each.created_at)}</span>
            </div>
            {each.current ? <span class="badge">{w().current}</span> : may("writer") && (
              <Button kind="quiet" onClick={() => post(`/files/${file.id}/versions/${each.number}/restore`).then(after, complain)}>
                {w().backTo}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Digests({ file }: { file: File }) {
  if (!file.sha256) return null;
  return (
    <section>
      <h3>{w().digests}</h3>
      <dl class="facts">
        <dt>SHA-256</dt><dd class="mono">{file.sha256}</dd>
        {file.md5 && <><dt>MD5</dt><dd class="mono">{file.md5}</dd></>}
      </dl>
    </section>
  );
}

function History({ file }: { file: File }) {
  const found: Loaded<{ events: Event[] }> = useLoaded(() => get(`/files/${file.id}/history`), [file.id, file.updated_at, file.version]);
  if (found.error instanceof Refusal || !found.value) return null;
  return (
    <section>
      <h3>{w().history}</h3>
      <ol class="rows">
        {[...found.value.events].reverse().map((each) => (
          <li key={each.id}>
            <div class="rows-main">
              <span>{w().event(each.action)}</span>
              <span class="quiet small">
                {moment(each.at)}
                {each.actor && ` · ${each.actor === session.value?.user.id ? w().you : w().user(each.actor)}`}
              </span>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

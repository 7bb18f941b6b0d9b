// What one can do with files and folders: dialogs and their work.
import { useState } from "preact/hooks";
import { get, post, space, url } from "../core/api";
import { useLoaded } from "../core/loading";
import { moment } from "../core/words";
import { Button } from "../parts/buttons";
import { FormDialog, Dialog, close, confirm, open } from "../parts/dialogs";
import { Select, TextField } from "../parts/fields";
import { Icon } from "../parts/icons";
import { complain, notify } from "../parts/notices";
import { Problem, explain } from "../parts/states";
import {
  type File, type Folder, changeFile, changeFolder, contentUrl, deleteFolder, each, foldersIn, makeFolder,
  purgeFile, releaseFile, restoreFile,
} from "./model";
import { moveFiles } from "./tree";
import { w } from "./words";

/** Start a download: the browser takes it from there. */
export function download(ids: string[]): void {
  const short = space.value!.short;
  if (ids.length > 200) {
    notify(w().tooMany, undefined, true);
    return;
  }
  const link = document.createElement("a");
  link.href = ids.length === 1 ? contentUrl(ids[0]!, short) : url("/files/archive", { id: ids, space: short });
  link.download = "";
  link.click();
}

function tell(done: number, words: (n: number) => string, failed: number, error: unknown, action?: Parameters<typeof notify>[1]): void {
  if (done) notify(words(done), action);
  if (failed) notify(`${w().someFailed(failed)} ${explain(error).text}`, undefined, true);
}

export async function release(ids: string[], after: () => void): Promise<void> {
  const { failed, error } = await each(ids, releaseFile);
  after();
  tell(ids.length - failed, w().removed, failed, error, {
    label: w().undo,
    work: () => void restore(ids, after),
  });
}

export async function restore(ids: string[], after: () => void): Promise<void> {
  const { failed, error } = await each(ids, restoreFile);
  after();
  tell(ids.length - failed, w().restored, failed, error);
}

export function purge(ids: string[], after: () => void): void {
  confirm(w().purgeTitle, w().purgeText(ids.length), w().purge.replace(/\s?…$/, ""), async () => {
    const { failed, error } = await each(ids, purgeFile);
    after();
    tell(ids.length - failed, w().purged, failed, error);
  });
}

export function renameFile(file: File, after: (file: File) => void): void {
  open(<Name title={w().rename.replace(/\s?…$/, "")} label={w().newName} action={w().save} name={file.name}
    work={async (name) => after(await changeFile(file.id, { name }))} />);
}

export function renameFolder(folder: Folder): void {
  open(<Name title={w().rename.replace(/\s?…$/, "")} label={w().newName} action={w().save} name={folder.name}
    work={(name) => changeFolder(folder.id, { name })} />);
}

export function newFolder(parent: string | null): void {
  open(<Name title={w().newFolder} label={w().folderName} action={w().create} name="" work={(name) => makeFolder(name, parent)} />);
}

export function removeFolder(folder: Folder, after: () => void): void {
  confirm(w().removeFolderTitle(folder.name), w().removeFolderText, w().remove, async () => {
    await deleteFolder(folder.id);
    after();
  });
}

function Name(props: { title: string; label: string; action: string; name: string; work: (name: string) => Promise<unknown> }) {
  const [name, setName] = useState(props.name);
  return (
    <FormDialog title={props.title} action={props.action} onSubmit={() => props.work(name)} disabled={!name.trim()}>
      <TextField label={props.label} value={name} onInput={setName} required focus maxLength={256} />
    </FormDialog>
  );
}

export function move(ids: string[], after: () => void): void {
  open(<Move title={w().moveTitle(ids.length)} work={async (to) => { await moveFiles(ids, to); after(); }} />);
}

export function moveFolder(folder: Folder): void {
  open(<Move title={w().moveFolderTitle(folder.name)} without={folder.id} work={(to) => changeFolder(folder.id, { parent: to })} />);
}

export function Move(props: { title: string; text?: string; without?: string; work: (to: string | null) => Promise<unknown> }) {
  const [way, setWay] = useState<Folder[]>([]);
  const here = way.at(-1) ?? null;
  const below = foldersIn(here?.id ?? null).value?.filter((each) => each.id !== props.without);
  return (
    <FormDialog title={props.title} action={w().moveHere} onSubmit={() => props.work(here?.id ?? null)}>
      {props.text && <p>{props.text}</p>}
      <nav class="crumbs" aria-label={w().folder}>
        {[null, ...way].map((each, index) => (
          <button key={each?.id ?? ""} type="button" class="crumb" aria-current={index === way.length ? "location" : undefined}
            onClick={() => setWay(way.slice(0, index))}>
            {each?.name ?? w().top}
          </button>
        ))}
      </nav>
      <ul class="choose-folder">
        {below?.map((each) => (
          <li key={each.id}>
            <button type="button" class="menu-item" onClick={() => setWay([...way, each])}>
              <Icon name="folder" size={18} /> <span class="cut">{each.name}</span>
            </button>
          </li>
        ))}
      </ul>
    </FormDialog>
  );
}

export const split = (text: string) => text.split(",").map((each) => each.trim()).filter(Boolean);

export function tag(files: Pick<File, "id" | "tags">[], after: () => void): void {
  open(<Tags files={files} after={after} />);
}

function Tags({ files, after }: { files: Pick<File, "id" | "tags">[]; after: () => void }) {
  const [adding, setAdding] = useState("");
  const [removing, setRemoving] = useState<string[]>([]);
  const present = [...new Set(files.flatMap((each) => each.tags))].sort();
  return (
    <FormDialog
      title={w().tagsTitle(files.length)}
      action={w().save}
      onSubmit={async () => {
        const { failed, error } = await each(files, (file) => {
          const tags = new Set([...file.tags.filter((each) => !removing.includes(each)), ...split(adding)]);
          return changeFile(file.id, { tags: [...tags] });
        });
        after();
        tell(files.length - failed, w().tagged, failed, error);
      }}
    >
      <TextField label={w().tagsAdd} hint={w().tagsHint} value={adding} onInput={setAdding} focus />
      {present.length > 0 && (
        <fieldset class="plain-set">
          <legend class="label">{w().tagsRemove}</legend>
          {present.map((each) => (
            <label key={each} class="check">
              <input type="checkbox" checked={removing.includes(each)}
                onChange={() => setRemoving(removing.includes(each) ? removing.filter((one) => one !== each) : [...removing, each])} />
              <span>{each}</span>
            </label>
          ))}
        </fieldset>
      )}
    </FormDialog>
  );
}

export function share(file: Pick<File, "id" | "name">): void {
  open(<Share file={file} />);
}

function Share({ file }: { file: Pick<File, "id" | "name"> }) {
  const [life, setLife] = useState<"3600" | "86400" | "604800">("86400");
  const [made, setMade] = useState<{ url: string; expires_at: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  return (
    <Dialog
      title={w().shareTitle(file.name)}
      footer={
        <>
          <Button onClick={close}>{w().close}</Button>
          {!made && (
            <Button
              kind="main"
              icon="share"
              busy={busy}
              onClick={async () => {
                setBusy(true);
                try {
                  setMade(await post(`/files/${file.id}/share`, { expires_in: Number(life) }));
                } catch (error) {
                  setProblem(error);
                }
                setBusy(false);
              }}
            >
              {w().makeLink}
            </Button>
          )}
        </>
      }
    >
      <p class="quiet">{w().shareText}</p>
      {made ? (
        <>
          <TextField label={w().link} value={made.url} onInput={() => {}} hint={w().until(moment(made.expires_at))} />
          <Button
            kind="main"
            icon="copy"
            onClick={() => navigator.clipboard.writeText(made.url).then(() => notify(w().copied), complain)}
          >
            {w().copy}
          </Button>
        </>
      ) : (
        <Select label={w().shareFor} value={life} onChange={setLife}
          options={[["3600", w().hour], ["86400", w().day], ["604800", w().week]]} />
      )}
      <Problem error={problem} />
    </Dialog>
  );
}

/** The name of a folder by its id, for details. */
export function FolderName({ id }: { id: string | null }) {
  const found = useLoaded(async () => (id ? get<Folder>(`/folders/${id}`) : null), [id]);
  return <>{id ? found.value?.path?.split("/").map(decodeURIComponent).join(" / ") ?? "…" : w().top}</>;
}

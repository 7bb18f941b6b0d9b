// A dialog in which one chooses a file that the space has already, by its name.
import { useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { useLoaded } from "../core/loading";
import { size, when } from "../core/words";
import { type File, FIELDS } from "../files/model";
import { Thumb } from "../files/list";
import { Dialog, close } from "../parts/dialogs";
import { TextField } from "../parts/fields";
import { Loading, Problem } from "../parts/states";
import { w } from "./words";

const MOST = 30;

/** `onChoose` does something with the file; what it throws is shown, else the dialog closes. */
export function Choosing({ label, onChoose }: { label: string; onChoose: (file: File) => Promise<unknown> | unknown }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const found = useLoaded(async (signal) => {
    const query = { sort: "-created_at", limit: MOST, fields: FIELDS, filter: text ? `name~${text}` : undefined };
    return (await get<{ files: File[] }>("/files", query, { signal })).files;
  }, [text]);
  // What was found stays until what is typed now has been.
  const shown = useRef<File[] | null>(null);
  if (found.value) shown.current = found.value;
  const files = shown.current;
  const choose = async (file: File) => {
    setBusy(true);
    try {
      await onChoose(file);
      close();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={w().chooseFor(label)} wide>
      <TextField label={w().chooseSearch} value={text} onInput={setText} focus maxLength={200} />
      <Problem error={problem} />
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !files ? <Loading />
        : !files.length ? <p class="quiet" role="status">{w().chooseNone}</p>
        : (
          <ul class="rows">
            {files.map((file) => (
              <li key={file.id}>
                <Thumb file={file} />
                <button type="button" class="plain cut" disabled={busy} aria-label={w().chooseThis(file.name)} onClick={() => void choose(file)}>
                  {file.name}
                </button>
                <span class="quiet small">{size(file.size)} · {when(file.created_at)}</span>
              </li>
            ))}
          </ul>
        )}
    </Dialog>
  );
}

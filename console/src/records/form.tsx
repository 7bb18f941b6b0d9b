// The form of a record: made with values and files, or its values changed. What the server refuses
// stands at the field that it is about.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Refusal, space } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, go } from "../core/places";
import { number } from "../core/words";
import type { File as Kept } from "../files/model";
import { Button, IconButton, Link } from "../parts/buttons";
import { open } from "../parts/dialogs";
import { Icon } from "../parts/icons";
import { complain, notify } from "../parts/notices";
import { Loading, Problem } from "../parts/states";
import { Choosing } from "./choosing";
import { type Draft, draftOf, hasRows, inArray, valueOf } from "./drafts";
import { FieldInput, labelOf } from "./inputs";
import * as model from "./model";
import { type Field, type Rec, type Type, titleOf } from "./model";
import { kinds, w } from "./words";

/** What is wrong with a field, by row; null: with the field as a whole. */
type Problems = Map<string, Map<number | null, string>>;
type Held = Pick<Kept, "id" | "name" | "state">;

interface Failure {
  field: string;
  index?: number | null;
  code: string;
  message: string;
}

export function MakeRecord({ type }: { type: string }) {
  const kind = useLoaded(() => model.typeOf(type), [space.value?.short, type]);
  const back = address(["records", type]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().makeTitle(kind.value?.label || type)}</h1>
        <p class="lead"><Link to={back}>{w().backTo(kind.value?.label || type)}</Link></p>
      </header>
      {kind.error ? <Problem error={kind.error} onRetry={kind.reload} /> : !kind.value ? <Loading /> : (
        <Form
          type={kind.value}
          action={w().makeAction}
          back={back}
          save={async (values, files) => {
            const made = await model.make(type, values, files);
            notify(w().isMade);
            go(address(["records", type, made.id]), true);
          }}
        />
      )}
    </div>
  );
}

export function EditRecord({ type, id }: { type: string; id: string }) {
  const found = useLoaded(async () => {
    const [is, kind] = await Promise.all([model.tagged(id), model.typeOf(type)]);
    return { ...is, type: kind };
  }, [space.value?.short, id]);
  const shown = found.value;
  const back = address(["records", type, id]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{shown ? w().editTitle(titleOf(shown.record)) : w().edit}</h1>
        <p class="lead"><Link to={back}>{shown ? titleOf(shown.record) : type}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !shown ? <Loading /> : (
        <Form
          type={shown.type}
          record={shown.record}
          action={w().save}
          back={back}
          save={async (values) => {
            if (Object.keys(values).length) await model.change(id, values, shown.tag);
            notify(Object.keys(values).length ? w().saved : w().unchanged);
            go(back, true);
          }}
        />
      )}
    </div>
  );
}

function Form(props: {
  type: Type;
  record?: Rec;
  action: string;
  back: string;
  save: (values: Record<string, unknown>, files: Record<string, string[]>) => Promise<void>;
}) {
  const { type, record } = props;
  const fields = model.shownFields(type);
  const first = useMemo(() => draftsOf(type, record), [type, record]);
  const [drafts, setDrafts] = useState(first);
  const [files, setFiles] = useState<Record<string, Held[]>>({});
  const [problems, setProblems] = useState<Problems>(new Map());
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const held = useRef(new Set<string>());
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [problems]);
  // What was sent for a record that was not made is let go of.
  useEffect(() => () => held.current.forEach((id) => void model.letGo({ id })), []);
  const submit = async () => {
    setBusy(true);
    const changed = fields.filter((each) => JSON.stringify(drafts[each.id]) !== JSON.stringify(first[each.id]));
    const values = Object.fromEntries(changed.map((each) => [each.id, read(type, each, drafts[each.id]!)]));
    const linked = Object.fromEntries(Object.entries(files).map(([id, list]) => [id, list.map((file) => file.id)]));
    try {
      await props.save(values, linked);
      held.current.clear();
    } catch (error) {
      const failures = failuresOf(error);
      setProblems(byField(type, failures));
      setProblem(failures.length ? null : error);
      setBusy(false);
    }
  };
  const count = problems.size;
  return (
    <form class="form record-form" ref={form} noValidate onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      {fields.map((field) => {
        if (model.isStructure(field)) return <h2 key={field.id}>{field.label || field.id}</h2>;
        const wrong = problems.get(field.id) ?? new Map();
        if (model.isFile(field)) {
          return !record && (
            <FileInput key={field.id} field={field} files={files[field.id] ?? []} problems={wrong} held={held.current}
              onChange={(list) => setFiles((before) => ({ ...before, [field.id]: list }))} />
          );
        }
        return (
          <FieldInput key={field.id} field={field} rows={hasRows(type, field)} drafts={drafts[field.id]!} problems={wrong}
            disabled={record !== undefined && field.editable === false}
            onChange={(list) => setDrafts((before) => ({ ...before, [field.id]: list }))} />
        );
      })}
      <p role="alert" class="hint bad">{count > 0 && w().refusedTitle(count)}</p>
      <Problem error={problem} />
      <div class="card-actions">
        <Button kind="main" type="submit" busy={busy}>{props.action}</Button>
        <Button onClick={() => go(props.back)}>{w().cancel}</Button>
      </div>
    </form>
  );
}

/** The drafts of all values, by field, a row for each. */
function draftsOf(type: Type, record?: Rec): Record<string, Draft[]> {
  return Object.fromEntries(model.shownFields(type).map((field) => {
    const value = record?.values[field.id] ?? null;
    const rows = hasRows(type, field) && Array.isArray(value) && value.length ? value : [hasRows(type, field) ? null : value];
    return [field.id, rows.map((each) => draftOf(field, each))];
  }));
}

/** What a field holds, as the API takes it: an empty row goes, but in an array, where rows belong together. */
function read(type: Type, field: Field, drafts: Draft[]): unknown {
  const values = drafts.map((each) => valueOf(field, each));
  if (!hasRows(type, field)) return values[0];
  const rows = inArray(type, field) ? values : values.filter((each) => each !== null);
  return rows.some((each) => each !== null) ? rows : null;
}

function failuresOf(error: unknown): Failure[] {
  if (!(error instanceof Refusal)) return [];
  if (error.code === "constraint_failed") return (error.facts["failures"] as Failure[] | undefined) ?? [];
  return [];
}

function byField(type: Type, failures: Failure[]): Problems {
  const found: Problems = new Map();
  for (const each of failures) {
    const field = type.fields.find((one) => one.id === each.field);
    const rows = found.get(each.field) ?? new Map<number | null, string>();
    const row = each.index ?? null;
    if (!rows.has(row)) rows.set(row, field ? told(field, each) : each.message);
    found.set(each.field, rows);
  }
  return found;
}

/** A failure in the operator's language; else in the server's own words. */
function told(field: Field, { code, message }: Failure): string {
  switch (code) {
    case "required": return w().required;
    case "too_small": return field.min === undefined ? message : w().tooSmall(number(field.min));
    case "too_large": return field.max === undefined ? message : w().tooLarge(number(field.max));
    case "too_many": return w().tooMany;
    case "unknown_option": return w().notChoice;
    case "not_editable": return w().fixed;
    case "type": return field.accept ? w().onlyTypes(field.accept.join(", ")) : message;
    case "bad_value": return (kinds() as Record<string, string>)[field.type] ?? message;
    default: return message;
  }
}

function FileInput(props: {
  field: Field;
  files: Held[];
  problems: Map<number | null, string>;
  held: Set<string>;
  onChange: (files: Held[]) => void;
}) {
  const { field, files, held } = props;
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const label = field.label || field.id;
  const add = (file: Held) => props.onChange(field.multiple ? [...files, file] : [file]);
  const upload = async (body: File) => {
    setBusy(true);
    try {
      const kept = await model.holdFile(body);
      held.add(kept.id);
      add(kept);
    } catch (error) {
      complain(error);
    }
    setBusy(false);
  };
  const problem = [...props.problems.values()].join(" ");
  return (
    <fieldset class="choices" aria-invalid={problem ? true : undefined} tabIndex={problem ? -1 : undefined}>
      <legend>{labelOf(field)}</legend>
      <ul class="rows">
        {files.map((file, index) => (
          <li key={file.id}>
            <Icon name="file" /> <span class="rows-main">{file.name}</span>
            <IconButton icon="close" label={w().without(file.name)} onClick={() => props.onChange(files.filter((_, at) => at !== index))} />
          </li>
        ))}
      </ul>
      {problem && <p class="hint bad">{problem}</p>}
      <div class="card-actions">
        <Button icon="upload" busy={busy} onClick={() => input.current!.click()}>{w().upload}</Button>
        <Button icon="file" onClick={() => open(<Choosing label={label} onChoose={add} />)}>{w().choose}</Button>
      </div>
      <input ref={input} type="file" hidden aria-label={w().uploadTo(label)} accept={field.accept?.join(",")}
        onChange={(event) => { const [file] = event.currentTarget.files ?? []; event.currentTarget.value = ""; if (file) void upload(file); }} />
    </fieldset>
  );
}

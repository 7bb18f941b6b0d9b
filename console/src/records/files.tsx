// The files of a record, field by field: looked at, downloaded, added, replaced, taken out.
import { useRef, useState } from "preact/hooks";
import { get, space } from "../core/api";
import { useLoaded } from "../core/loading";
import { size } from "../core/words";
import type { File as Kept } from "../files/model";
import { Preview } from "../files/preview";
import { Button, Spinner } from "../parts/buttons";
import { Dialog, confirm, open } from "../parts/dialogs";
import { Icon } from "../parts/icons";
import { type Choice, Menu } from "../parts/menus";
import { complain, notify } from "../parts/notices";
import { Loading, Problem } from "../parts/states";
import { Choosing } from "./choosing";
import * as model from "./model";
import type { Field, Placed, Rec, Type } from "./model";
import { w } from "./words";

interface Shown {
  record: Rec;
  field: Field;
  after: () => void;
}

export function Files({ record, type, after }: { record: Rec; type: Type; after: () => void }) {
  const fields = type.fields.filter((each) => model.isFile(each) && each.visibility !== "I");
  if (!fields.length) return null;
  return (
    <section class="card">
      <h2>{w().files}</h2>
      {fields.map((field) => <OfField key={field.id} record={record} field={field} after={after} />)}
    </section>
  );
}

function OfField({ record, field, after }: Shown) {
  const stands = record.files[field.id];
  const rows: [number | null, Placed][] = Array.isArray(stands)
    ? stands.flatMap((each, index) => (each ? [[index, each] as [number, Placed]] : []))
    : stands ? [[null, stands]] : [];
  const label = field.label || field.id;
  return (
    <section class="record-field" aria-label={label}>
      <h3>{label}</h3>
      {!rows.length && <p class="quiet">{w().noFiles}</p>}
      <ul class="rows">
        {rows.map(([row, placed]) => <Row key={`${row}.${placed.file}`} {...{ record, field, after, row, placed }} />)}
      </ul>
      {model.isOpen(record) && (field.multiple || !rows.length) && (
        <Chooser field={field} label={w().addTo(label)} text={w().add}
          work={async (file) => { await model.addFile(record, field, file); notify(w().added); }}
          link={async (file) => { await model.linkFile(record, field, file); notify(w().added); }} after={after} />
      )}
    </section>
  );
}

function Row({ record, field, after, row, placed }: Shown & { row: number | null; placed: Placed }) {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const short = space.value!.short;
  const isOpen = model.isOpen(record);
  const choices: Choice[] = [
    { label: w().preview, icon: "eye", disabled: record.state === "frozen", onChoose: () => open(<Look placed={placed} />) },
    { label: w().replace, icon: "upload", disabled: !isOpen, onChoose: () => input.current!.click() },
    {
      label: w().take, icon: "trash", danger: true, apart: true, disabled: !isOpen,
      onChoose: () => confirm(w().takeTitle(placed.name), w().takeText, w().takeAction, async () => {
        await model.dropFile(record, field, row);
        notify(w().taken);
        after();
      }),
    },
  ];
  const replace = async (file: File) => {
    setBusy(true);
    try {
      await model.replaceFile(record, field, row, file);
      notify(w().replaced);
    } catch (error) {
      complain(error);
    }
    setBusy(false);
    after();
  };
  return (
    <li>
      {busy ? <Spinner /> : <Icon name="file" />}
      <div class="rows-main">
        <span>{placed.name}</span>
        <span class="quiet small">
          {/* Of a frozen revision no size is told. */}
          {placed.size !== null && `${size(placed.size)} · `}{`${w().version} ${placed.version}`}{placed.comment && ` · ${placed.comment}`}
        </span>
      </div>
      <a class="icon-button" href={model.placedUrl(record, field.id, row, short)} download aria-label={w().downloadFile(placed.name)}
        title={w().download}>
        <Icon name="download" />
      </a>
      <Menu label={w().actionsFor(placed.name)} choices={choices}><Icon name="more" /></Menu>
      <input ref={input} type="file" hidden aria-label={w().replaceFile(placed.name)} accept={field.accept?.join(",")}
        onChange={(event) => { const [file] = event.currentTarget.files ?? []; event.currentTarget.value = ""; if (file) void replace(file); }} />
    </li>
  );
}

/** A button that asks for a file and shows what was wrong with it, in place. */
function Chooser(props: {
  field: Field;
  label: string;
  text: string;
  work: (file: File) => Promise<unknown>;
  link: (file: Kept) => Promise<unknown>;
  after: () => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const take = async (file: File) => {
    setBusy(true);
    setProblem(null);
    try {
      await props.work(file);
      props.after();
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <>
      <Problem error={problem} />
      <div class="card-actions">
        <Button icon="plus" busy={busy} onClick={() => input.current!.click()}>{props.text}</Button>
        <Button icon="file" onClick={() => open(<Choosing label={props.field.label || props.field.id} onChoose={(file) => props.link(file).then(props.after)} />)}>
          {w().choose}
        </Button>
      </div>
      <input ref={input} type="file" hidden aria-label={props.label} accept={props.field.accept?.join(",")}
        onChange={(event) => { const [file] = event.currentTarget.files ?? []; event.currentTarget.value = ""; if (file) void take(file); }} />
    </>
  );
}

function Look({ placed }: { placed: Placed }) {
  const found = useLoaded((signal) => get<Kept>(`/files/${placed.file}`, {}, { signal }), [placed.file]);
  return (
    <Dialog title={placed.name} wide>
      {found.error ? <Problem error={found.error} /> : found.value ? <Preview file={found.value} /> : <Loading />}
    </Dialog>
  );
}

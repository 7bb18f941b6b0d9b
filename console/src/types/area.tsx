// The record types of the space: their fields, and their text to change them.
import { useState } from "preact/hooks";
import { Refusal, del, get, post, put } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, ask, go, place } from "../core/places";
import { moment, number, size, when, words } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { confirm } from "../parts/dialogs";
import { TextArea } from "../parts/fields";
import { Listed, Rows, useListing } from "../parts/lists";
import { notify } from "../parts/notices";
import { Badge, Empty, Loading, Problem } from "../parts/states";

const w = words(
  {
    title: "Record types",
    lead: "A type says which fields the records of this space have, and who may do what with them.",
    make: "New type",
    none: "No types yet",
    noneText: "Records are values and files under a type: invoices, inspections, contracts.",
    all: "All types",
    name: "Name",
    label: "Label",
    dialect: "Dialect",
    version: "Version",
    changed: "Changed",
    fields: "Fields",
    field: "Field",
    kind: "Kind",
    parent: "Within",
    rules: "Rules",
    noFields: "It has no fields.",
    needed: "needed",
    multiple: "several",
    fixed: "set once",
    visibility: (letter: string) => `visibility ${letter}`,
    edit: "Edit as text",
    text: "The type as JSON",
    textHint: "What is saved becomes a new version where fields differ. A field that has values neither goes nor changes its kind. The members are described in the manual.",
    save: "Save",
    saved: (name: string) => `${name} is saved.`,
    cancel: "Cancel",
    json: "This is not JSON",
    remove: "Delete",
    removeTitle: (name: string) => `Delete ${name}`,
    removeText: "Only a type without records can be deleted.",
  },
  {
    title: "Types de fiches",
    lead: "Un type dit quels champs ont les fiches de cet espace, et qui peut en faire quoi.",
    make: "Nouveau type",
    none: "Aucun type",
    noneText: "Une fiche réunit des valeurs et des fichiers sous un type : factures, inspections, contrats.",
    all: "Tous les types",
    name: "Nom",
    label: "Libellé",
    dialect: "Dialecte",
    version: "Version",
    changed: "Modifié",
    fields: "Champs",
    field: "Champ",
    kind: "Nature",
    parent: "Dans",
    rules: "Règles",
    noFields: "Il n’a pas de champs.",
    needed: "obligatoire",
    multiple: "plusieurs",
    fixed: "fixé à la création",
    visibility: (letter: string) => `visibilité ${letter}`,
    edit: "Modifier le texte",
    text: "Le type en JSON",
    textHint: "L’enregistrement crée une nouvelle version si les champs diffèrent. Un champ qui a des valeurs ne peut ni disparaître ni changer de nature. Le manuel décrit les membres.",
    save: "Enregistrer",
    saved: (name: string) => `${name} est enregistré.`,
    cancel: "Annuler",
    json: "Ce n’est pas du JSON",
    remove: "Supprimer",
    removeTitle: (name: string) => `Supprimer ${name}`,
    removeText: "Seul un type sans fiches peut être supprimé.",
  },
);

interface Field {
  id: string;
  type: string;
  label?: string;
  parent?: string;
  visibility?: string;
  multiple?: boolean;
  needed?: boolean;
  editable?: boolean;
  accept?: string[];
  max_size?: number;
}

interface Type {
  number: number;
  name: string;
  label: string;
  dialect: string;
  version: number;
  acl: Record<string, string[] | null>;
  hooks: string[];
  fields: Field[];
  created_at: string;
  updated_at: string | null;
}

const NEW = "+";
const TEMPLATE = {
  name: "INVOICE",
  label: "Invoice",
  fields: [
    { id: "title", type: "text", label: "Title", in_title: true, needed: true },
    { id: "scan", type: "file", label: "Scan", accept: ["application/pdf"], max_size: "20MB" },
  ],
};

export default function Types() {
  const one = place.value.rest[0];
  if (one === NEW) return <Make />;
  return one ? <One key={one} name={one} /> : <All />;
}

function All() {
  const found = useListing<Type>("/types", "types");
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button kind="main" icon="plus" onClick={() => go(address(["types", NEW]))}>{w().make}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      <Listed
        label={w().title}
        of={found}
        id={(row) => row.number}
        empty={<Empty icon="table" title={w().none}><p>{w().noneText}</p></Empty>}
        columns={[
          {
            key: "name",
            title: w().name,
            cell: (row) => <span class="two"><Link to={address(["types", row.name])}>{row.label || row.name}</Link><small>{row.name}</small></span>,
          },
          { key: "dialect", title: w().dialect, cell: (row) => <Badge>{row.dialect}</Badge> },
          { key: "fields", title: w().fields, right: true, cell: (row) => number(row.fields.length) },
          { key: "version", title: w().version, right: true, cell: (row) => number(row.version) },
          { key: "changed", title: w().changed, right: true, cell: (row) => when(row.updated_at ?? row.created_at) },
        ]}
      />
    </div>
  );
}

function One({ name }: { name: string }) {
  const path = `/types/${encodeURIComponent(name)}`;
  const found = useLoaded((signal) => get<Type>(path, {}, { signal }), [path]);
  const is = found.value;
  const editing = place.value.query.get("edit") === "1";
  const save = async (form: unknown) => {
    const saved = await put<Type>(path, form);
    notify(w().saved(saved.name));
    go(address(["types", saved.name]), true);
    if (saved.name === name) found.reload();
  };
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="cut">{is ? is.label || is.name : name}</h1>
        {is && !editing && <Button icon="edit" onClick={() => ask({ edit: "1" })}>{w().edit}</Button>}
        <p class="lead"><Link to={address(["types"])}>{w().all}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !is ? <Loading />
        : editing ? <Editor of={written(is)} onSave={save} onCancel={() => ask({ edit: undefined })} />
        : <Shown of={is} path={path} />}
    </div>
  );
}

/** The type as it is written: without what the server assigns. */
function written({ name, label, dialect, acl, hooks, fields }: Type): unknown {
  return { name, label, dialect, acl, hooks, fields };
}

function Shown({ of, path }: { of: Type; path: string }) {
  return (
    <>
      <section class="card">
        <dl class="facts">
          <dt>{w().name}</dt><dd class="mono">{of.name}</dd>
          <dt>{w().dialect}</dt><dd>{of.dialect}</dd>
          <dt>{w().version}</dt><dd>{number(of.version)}</dd>
          <dt>{w().changed}</dt><dd>{moment(of.updated_at ?? of.created_at)}</dd>
        </dl>
        <div class="card-actions">
          <Button
            icon="trash"
            onClick={() =>
              confirm(w().removeTitle(of.name), w().removeText, w().remove, async () => {
                await del(path);
                go(address(["types"]), true);
              })}
          >
            {w().remove}
          </Button>
        </div>
      </section>
      <section class="card">
        <h2>{w().fields}</h2>
        {!of.fields.length ? <p class="quiet">{w().noFields}</p> : (
          <Rows
            label={w().fields}
            rows={of.fields}
            id={(field) => field.id}
            columns={[
              { key: "field", title: w().field, cell: (field) => <span class="two">{field.label || field.id}<small class="mono">{field.id}</small></span> },
              { key: "kind", title: w().kind, cell: (field) => field.type },
              { key: "parent", title: w().parent, cell: (field) => field.parent ?? "–" },
              { key: "rules", title: w().rules, cell: (field) => rules(field).join(", ") || "–" },
            ]}
          />
        )}
      </section>
    </>
  );
}

function rules(field: Field): string[] {
  return [
    field.needed ? w().needed : "",
    field.multiple ? w().multiple : "",
    field.editable === false ? w().fixed : "",
    field.visibility && field.visibility !== "W" ? w().visibility(field.visibility) : "",
    ...(field.accept ?? []),
    field.max_size ? `≤ ${size(Number(field.max_size))}` : "",
  ].filter(Boolean);
}

function Make() {
  const save = async (form: unknown) => {
    const made = await post<Type>("/types", form);
    notify(w().saved(made.name));
    go(address(["types", made.name]), true);
  };
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().make}</h1>
        <p class="lead"><Link to={address(["types"])}>{w().all}</Link></p>
      </header>
      <Editor of={TEMPLATE} onSave={save} onCancel={() => go(address(["types"]))} />
    </div>
  );
}

/** The text of a type. It is read here, and judged by the server; what is typed stays until it is taken. */
function Editor(props: { of: unknown; onSave: (form: unknown) => Promise<void>; onCancel: () => void }) {
  const [text, setText] = useState(JSON.stringify(props.of, null, 2));
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await props.onSave(parsed(text));
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <form class="form code-form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <TextArea label={w().text} hint={w().textHint} rows={20} value={text} onInput={setText} required />
      <Problem error={problem} />
      <div class="card-actions">
        <Button kind="main" type="submit" busy={busy}>{w().save}</Button>
        <Button onClick={props.onCancel}>{w().cancel}</Button>
      </div>
    </form>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, "bad_json", w().json, `${w().json}: ${(error as Error).message}`, "", {});
  }
}

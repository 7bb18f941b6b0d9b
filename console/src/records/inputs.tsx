// One input for each kind of field, and the rows of those that have several values.
import { useMembers } from "../admin/people";
import { words } from "../core/words";
import { Button } from "../parts/buttons";
import { Checkbox, Select, TextArea, TextField } from "../parts/fields";
import { type Draft, type Place, draftOf } from "./drafts";
import type { Field } from "./model";

const w = words(
  {
    needed: (label: string) => `${label} (needed)`,
    row: (label: string, row: number) => `${label}, row ${row}`,
    add: (label: string) => `Another row for ${label}`,
    yes: "Yes",
    no: "No",
    seconds: (label: string) => `${label} (seconds)`,
    lat: (label: string) => `${label}: latitude`,
    lng: (label: string) => `${label}: longitude`,
    address: (label: string) => `${label}: address`,
    related: "Identifiers of records, one on each line.",
    fixed: "Set when the record is made; it stays.",
  },
  {
    needed: (label: string) => `${label} (obligatoire)`,
    row: (label: string, row: number) => `${label}, ligne ${row}`,
    add: (label: string) => `Une ligne de plus pour ${label}`,
    yes: "Oui",
    no: "Non",
    seconds: (label: string) => `${label} (secondes)`,
    lat: (label: string) => `${label} : latitude`,
    lng: (label: string) => `${label} : longitude`,
    address: (label: string) => `${label} : adresse`,
    related: "Identifiants de fiches, un par ligne.",
    fixed: "Fixé à la création de la fiche ; ne change plus.",
  },
);

export const labelOf = (field: Field): string =>
  field.needed ? w().needed(field.label || field.id) : field.label || field.id;

interface InputProps {
  field: Field;
  label: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
  problem?: string | undefined;
  disabled?: boolean;
}

/** A field of a form with all its rows. `problems` are those of the field, by row. */
export function FieldInput(props: {
  field: Field;
  rows: boolean;
  drafts: Draft[];
  onChange: (drafts: Draft[]) => void;
  problems: Map<number | null, string>;
  disabled: boolean;
}) {
  const { field, rows, drafts, problems, disabled } = props;
  const label = labelOf(field);
  const put = (index: number) => (draft: Draft) => props.onChange(drafts.map((each, at) => (at === index ? draft : each)));
  return (
    <div class="record-input">
      {drafts.map((draft, index) => (
        <Input
          key={index}
          field={field}
          label={rows && index ? w().row(field.label || field.id, index + 1) : label}
          draft={draft}
          onChange={put(index)}
          problem={problems.get(rows ? index : null) ?? (index ? undefined : problems.get(null))}
          disabled={disabled}
        />
      ))}
      {rows && !disabled && (
        <Button kind="quiet" icon="plus" onClick={() => props.onChange([...drafts, draftOf(field, null)])}>
          {w().add(field.label || field.id)}
        </Button>
      )}
      {disabled && <p class="hint">{w().fixed}</p>}
    </div>
  );
}

const TYPES = { date: "date", timestamp: "datetime-local", email: "email", phone: "tel" } as const;
const MODES = { int: "numeric", double: "decimal", duration: "decimal" } as const;

function Input(props: InputProps) {
  const { field, label, draft, onChange, problem, disabled } = props;
  const common = { label, problem, disabled: disabled ?? false };
  if (typeof draft !== "string") {
    return Array.isArray(draft) ? <Several {...props} /> : <Where {...props} draft={draft} />;
  }
  switch (field.type) {
    case "longtext": return <TextArea {...common} value={draft} onInput={onChange} />;
    case "relation": return <TextArea {...common} value={draft} onInput={onChange} rows={2} hint={w().related} />;
    case "boolean":
      return <Select {...common} value={draft} onChange={onChange} options={[["", "–"], ["yes", w().yes], ["no", w().no]]} />;
    case "list": return <Select {...common} value={draft} onChange={onChange} options={[["", "–"], ...optionsOf(field)]} />;
    case "user": return <OneUser {...props} draft={draft} />;
    default: {
      const type = TYPES[field.type as keyof typeof TYPES] ?? "text";
      const mode = MODES[field.type as keyof typeof MODES];
      return (
        <TextField {...common} label={field.type === "duration" ? w().seconds(label) : label} type={type} value={draft}
          onInput={onChange} {...(mode ? { mode } : {})} {...(type === "datetime-local" ? { step: 1 } : {})} />
      );
    }
  }
}

const optionsOf = (field: Field): [string, string][] =>
  (field.options ?? []).map((each) => (typeof each === "string" ? [each, each] : [each.id, each.name || each.id]));

function OneUser({ label, draft, onChange, problem, disabled }: Omit<InputProps, "draft"> & { draft: string }) {
  const people = usePeople(draft ? [draft] : []);
  return <Select label={label} problem={problem} disabled={disabled ?? false} value={draft} onChange={onChange} options={[["", "–"], ...people]} />;
}

/** Several of a choice: a box for each. */
function Several({ field, label, draft, onChange, problem, disabled }: InputProps) {
  const chosen = draft as string[];
  const people = usePeople(field.type === "user" ? chosen : null);
  const options = field.type === "user" ? people : optionsOf(field);
  return (
    <fieldset class="choices" aria-invalid={problem ? true : undefined} tabIndex={problem ? -1 : undefined}>
      <legend>{label}</legend>
      {options.map(([id, name]) => (
        <Checkbox key={id} label={name} checked={chosen.includes(id)} disabled={disabled ?? false}
          onChange={(on) => onChange(on ? [...chosen, id] : chosen.filter((each) => each !== id))} />
      ))}
      {problem && <p class="hint bad">{problem}</p>}
    </fieldset>
  );
}

/** The members of the space as choices, with those that are chosen and are members no more. */
function usePeople(chosen: string[] | null): [string, string][] {
  const members = useMembers(chosen !== null).map(([user, name]): [string, string] => [String(user), name]);
  const gone = (chosen ?? []).filter((each) => !members.some(([user]) => user === each));
  return [...members, ...gone.map((each): [string, string] => [each, `#${each}`])];
}

function Where({ label, draft, onChange, problem, disabled }: Omit<InputProps, "draft"> & { draft: Place }) {
  const put = (name: keyof Place) => (text: string) => onChange({ ...draft, [name]: text });
  const more = { disabled: disabled ?? false };
  return (
    <div class="record-where">
      <TextField {...more} label={w().lat(label)} problem={problem} mode="decimal" value={draft.lat} onInput={put("lat")} />
      <TextField {...more} label={w().lng(label)} mode="decimal" value={draft.lng} onInput={put("lng")} />
      <TextField {...more} label={w().address(label)} value={draft.address} onInput={put("address")} />
    </div>
  );
}

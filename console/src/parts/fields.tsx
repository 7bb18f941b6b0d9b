// Fields of forms: a label, what it holds, a hint below.
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { ask } from "../core/places";

interface Common {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong with what it holds. */
  problem?: string | undefined;
  required?: boolean;
  disabled?: boolean;
}

/** What an input says of itself to those who do not see its hint and its problem. */
interface Told {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

export function Field({ label, hint, problem, children }: Common & { children: (told: Told) => ComponentChildren }) {
  const id = useId();
  const about = [problem && `${id}-problem`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": about || undefined, "aria-invalid": problem ? true : undefined })}
      {problem && <p class="hint bad" id={`${id}-problem`}>{problem}</p>}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

export function TextField(
  props: Common & {
    value: string;
    onInput: (value: string) => void;
    type?: "text" | "email" | "password" | "number" | "url" | "date" | "datetime-local" | "tel";
    /** Which keys a phone shows. */
    mode?: "numeric" | "decimal";
    step?: number;
    autocomplete?: InputHTMLAttributes["autocomplete"];
    placeholder?: string;
    focus?: boolean;
    min?: number;
    max?: number;
    maxLength?: number;
  },
) {
  return (
    <Field {...props}>
      {(told) => (
        <input
          {...told}
          class="input"
          type={(props.type ?? "text") as "text"}
          value={props.value}
          autocomplete={props.autocomplete ?? "off"}
          placeholder={props.placeholder}
          required={props.required}
          disabled={props.disabled}
          autoFocus={props.focus}
          min={props.min}
          max={props.max}
          step={props.step}
          inputMode={props.mode}
          maxLength={props.maxLength}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

const PAUSE = 250;

/** What a list is narrowed by: it is in the address, `q`, when the typing rests. */
export function Search({ label, q }: { label: string; q: string }) {
  const [text, setText] = useState(q);
  useEffect(() => {
    if (text === q) return;
    const timer = setTimeout(() => ask({ q: text || undefined }, true), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label={label} value={text} onInput={setText} maxLength={256} />;
}

export function TextArea(props: Common & { value: string; onInput: (value: string) => void; rows?: number }) {
  return (
    <Field {...props}>
      {(told) => (
        <textarea
          {...told}
          class="input"
          rows={props.rows ?? 4}
          value={props.value}
          required={props.required}
          disabled={props.disabled}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function Select<T extends string>(
  props: Common & { value: T; options: (readonly [T, string])[]; onChange: (value: T) => void },
) {
  return (
    <Field {...props}>
      {(told) => (
        <select
          {...told}
          class="input"
          value={props.value}
          disabled={props.disabled}
          onChange={(event) => props.onChange(event.currentTarget.value as T)}
        >
          {props.options.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
      )}
    </Field>
  );
}

export function Checkbox(props: { label: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}

// Fields of forms: a label, what it holds, a hint below.
import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  hint?: ComponentChildren;
  required?: boolean;
  disabled?: boolean;
}

export function Field({ label, hint, children }: Common & { children: (id: string, hint?: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint ? `${id}-hint` : undefined)}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

export function TextField(
  props: Common & {
    value: string;
    onInput: (value: string) => void;
    type?: "text" | "email" | "password" | "number" | "url" | "date";
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
      {(id, hint) => (
        <input
          id={id}
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
          maxLength={props.maxLength}
          aria-describedby={hint}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function TextArea(props: Common & { value: string; onInput: (value: string) => void; rows?: number }) {
  return (
    <Field {...props}>
      {(id, hint) => (
        <textarea
          id={id}
          class="input"
          rows={props.rows ?? 4}
          value={props.value}
          required={props.required}
          disabled={props.disabled}
          aria-describedby={hint}
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
      {(id, hint) => (
        <select
          id={id}
          class="input"
          value={props.value}
          disabled={props.disabled}
          aria-describedby={hint}
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

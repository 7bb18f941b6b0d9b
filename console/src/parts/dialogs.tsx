// Dialogs over the page. `open(<…/>)` shows one, `close()` the last; a dialog's own form decides.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { words } from "../core/words";
import { Button, IconButton } from "./buttons";
import { Problem } from "./states";

const w = words({ close: "Close", cancel: "Cancel" }, { close: "Fermer", cancel: "Annuler" });

const stack = signal<{ id: number; content: ComponentChildren }[]>([]);
let count = 0;

export function open(content: ComponentChildren): void {
  stack.value = [...stack.value, { id: ++count, content }];
}

export function close(): void {
  stack.value = stack.value.slice(0, -1);
}

/** All open dialogs; stands once, in the shell. */
export function Dialogs() {
  return <>{stack.value.map((each) => <div key={each.id}>{each.content}</div>)}</>;
}

interface DialogProps {
  title: string;
  children: ComponentChildren;
  /** Called when it closes by Escape or its button; by default it is taken from the stack. */
  onClose?: () => void;
  wide?: boolean;
  /** It cannot be closed, only answered. */
  firm?: boolean;
  footer?: ComponentChildren;
}

export function Dialog({ title, children, onClose = close, wide, firm, footer }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const label = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${wide ? "wide" : ""}`}
      aria-labelledby={label}
      onCancel={(event) => {
        event.preventDefault();
        if (!firm) onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={label}>{title}</h2>
        {!firm && <IconButton icon="close" label={w().close} onClick={onClose} />}
      </header>
      <div class="dialog-body">{children}</div>
      {footer && <footer class="dialog-foot">{footer}</footer>}
    </dialog>
  );
}

/** A dialog with a form: `onSubmit` does the work; what it throws is shown, else it closes. */
export function FormDialog(props: {
  title: string;
  action: string;
  children: ComponentChildren;
  onSubmit: () => Promise<unknown> | unknown;
  danger?: boolean;
  disabled?: boolean;
  onClose?: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const form = useId();
  const onClose = props.onClose ?? close;
  return (
    <Dialog
      title={props.title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{w().cancel}</Button>
          <button
            type="submit"
            form={form}
            class={`button ${props.danger ? "danger" : "main"}`}
            disabled={busy || props.disabled}
            aria-busy={busy}
          >
            {props.action}
          </button>
        </>
      }
    >
      <form
        id={form}
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          setBusy(true);
          setProblem(null);
          try {
            await props.onSubmit();
            onClose();
          } catch (error) {
            setProblem(error);
            setBusy(false);
          }
        }}
      >
        {props.children}
        <Problem error={problem} />
      </form>
    </Dialog>
  );
}

/** Ask before something is taken away. */
export function confirm(title: string, text: ComponentChildren, action: string, work: () => Promise<unknown>): void {
  open(
    <FormDialog title={title} action={action} danger onSubmit={work}>
      <p>{text}</p>
    </FormDialog>,
  );
}

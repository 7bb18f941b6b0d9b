import type { ComponentChildren } from "preact";
import { go } from "../core/places";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  children?: ComponentChildren;
  onClick?: (event: MouseEvent) => void;
  icon?: IconName;
  /** main: the one thing to do here; quiet: without a frame; danger: takes something away. */
  kind?: "main" | "quiet" | "danger";
  type?: "button" | "submit";
  disabled?: boolean;
  busy?: boolean;
}

export function Button({ children, onClick, icon, kind, type = "button", disabled, busy }: ButtonProps) {
  return (
    <button type={type} class={`button ${kind ?? ""}`} onClick={onClick} disabled={disabled || busy} aria-busy={busy}>
      {busy ? <Spinner /> : icon && <Icon name={icon} size={18} />}
      <span>{children}</span>
    </button>
  );
}

/** A button that shows an icon only; its label is read out and shown on hover. */
export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick?: (event: MouseEvent) => void;
  disabled?: boolean;
  pressed?: boolean;
  expanded?: boolean;
  popup?: "menu" | "dialog";
}) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-haspopup={props.popup}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

export function Spinner() {
  return <span class="spinner" aria-hidden="true" />;
}

/** A link to a place of the console; a click with a modifier is the browser's own. */
export function Link(props: {
  to: string;
  children: ComponentChildren;
  class?: string;
  current?: boolean;
  label?: string;
  tabIndex?: number;
  onGo?: () => void;
}) {
  return (
    <a
      href={props.to}
      class={props.class}
      aria-current={props.current ? "page" : undefined}
      aria-label={props.label}
      tabIndex={props.tabIndex}
      onClick={(event) => {
        if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        props.onGo?.();
        go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

// A button with a menu below it (WAI-ARIA menu button): arrows, Home, End, Escape, first letters.
import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export interface Choice {
  label: string;
  icon?: IconName;
  onChoose: () => void;
  danger?: boolean;
  disabled?: boolean;
  /** One of several, and whether it is the present one. */
  checked?: boolean;
  /** A line above it. */
  apart?: boolean;
}

export function Menu(props: {
  label: string;
  choices: Choice[];
  children: ComponentChildren;
  class?: string;
  up?: boolean;
}) {
  const [shown, setShown] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  return (
    <>
      <button
        ref={button}
        type="button"
        class={props.class ?? "icon-button"}
        aria-label={props.label}
        title={props.label}
        aria-haspopup="menu"
        aria-expanded={shown}
        aria-controls={shown ? id : undefined}
        onClick={() => setShown(!shown)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setShown(true);
          }
        }}
      >
        {props.children}
      </button>
      {shown && (
        <Choices
          id={id}
          label={props.label}
          choices={props.choices}
          anchor={button.current!.getBoundingClientRect()}
          up={props.up}
          onEnd={(back) => {
            setShown(false);
            if (back) button.current?.focus();
          }}
        />
      )}
    </>
  );
}

export function Choices(props: {
  id: string;
  label: string;
  choices: Choice[];
  anchor: { left: number; right: number; top: number; bottom: number };
  up?: boolean | undefined;
  onEnd: (back: boolean) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const items = () =>
    [...(list.current?.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)") ?? [])];
  useLayoutEffect(() => {
    const box = list.current!;
    // Above everything, whatever it stands in clips.
    box.showPopover();
    const { width, height } = box.getBoundingClientRect();
    const { left, right, top, bottom } = props.anchor;
    const x = left + width > innerWidth - 8 ? right - width : left;
    const above = props.up || bottom + height > innerHeight - 8;
    box.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(8, above ? top - height - 4 : bottom + 4)}px`;
    items()[0]?.focus();
  }, []);
  useEffect(() => {
    const outside = (event: Event) => {
      if (!list.current?.contains(event.target as Node)) props.onEnd(false);
    };
    const timer = setTimeout(() => addEventListener("pointerdown", outside), 0);
    return () => {
      clearTimeout(timer);
      removeEventListener("pointerdown", outside);
    };
  }, []);
  const step = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    let to: number | undefined;
    if (event.key === "ArrowDown") to = (at + 1) % all.length;
    else if (event.key === "ArrowUp") to = (at - 1 + all.length) % all.length;
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length - 1;
    else if (event.key === "Escape" || event.key === "Tab") {
      props.onEnd(true);
      if (event.key === "Escape") event.preventDefault();
      event.stopPropagation();
      return;
    } else if (event.key.length === 1) {
      const letter = event.key.toLowerCase();
      to = all.findIndex((each, i) => i > at && each.textContent?.trim().toLowerCase().startsWith(letter));
      if (to < 0) to = all.findIndex((each) => each.textContent?.trim().toLowerCase().startsWith(letter));
    }
    if (to === undefined || to < 0) return;
    event.preventDefault();
    all[to]?.focus();
  };
  return (
    <div ref={list} id={props.id} class="menu" role="menu" popover="manual" aria-label={props.label} onKeyDown={step}>
      {props.choices.map((each) => (
        <Fragment key={each.label}>
          {each.apart && <hr role="separator" />}
          <button
            type="button"
            role={each.checked === undefined ? "menuitem" : "menuitemradio"}
            aria-checked={each.checked}
            class={`menu-item ${each.danger ? "danger" : ""}`}
            disabled={each.disabled}
            tabIndex={-1}
            onClick={() => {
              props.onEnd(true);
              each.onChoose();
            }}
          >
            {each.checked === undefined ? each.icon && <Icon name={each.icon} size={18} />
              : <span class="menu-mark">{each.checked && <Icon name="check" size={18} />}</span>}
            <span>{each.label}</span>
          </button>
        </Fragment>
      ))}
    </div>
  );
}

// Short notices at the edge of the page, read out politely; those with an action stay longer.
import { signal } from "@preact/signals";
import { words } from "../core/words";
import { IconButton } from "./buttons";
import { explain } from "./states";

interface Notice {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; work: () => void } | undefined;
}

const w = words({ dismiss: "Dismiss", notices: "Notices" }, { dismiss: "Fermer", notices: "Notifications" });
const notices = signal<Notice[]>([]);
let count = 0;

const drop = (id: number) => {
  notices.value = notices.value.filter((each) => each.id !== id);
};

export function notify(text: string, action?: Notice["action"], bad = false): void {
  const id = ++count;
  notices.value = [...notices.value.slice(-2), { id, text, bad, action }];
  setTimeout(() => drop(id), action || bad ? 12_000 : 5_000);
}

/** Tell of an error that has no place of its own on the page. */
export function complain(error: unknown): void {
  const { text, hint } = explain(error);
  notify(hint ? `${text} ${hint}` : text, undefined, true);
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-label={w().notices}>
      {notices.value.map((each) => (
        <div key={each.id} class={`notice ${each.bad ? "bad" : ""}`}>
          <span>{each.text}</span>
          {each.action && (
            <button type="button" class="notice-action" onClick={() => { drop(each.id); each.action!.work(); }}>
              {each.action.label}
            </button>
          )}
          <IconButton icon="close" label={w().dismiss} onClick={() => drop(each.id)} />
        </div>
      ))}
    </div>
  );
}

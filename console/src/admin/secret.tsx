// A secret that is shown once.
import { words } from "../core/words";
import { Button } from "../parts/buttons";
import { Dialog, close, open } from "../parts/dialogs";
import { notify } from "../parts/notices";

const w = words(
  {
    once: "Copy it now: it is shown this once, and nobody can look it up afterwards.",
    copy: "Copy",
    copied: "Copied.",
    done: "I have kept it",
  },
  {
    once: "Copiez-le maintenant : il n’est affiché qu’une fois, et personne ne pourra le retrouver ensuite.",
    copy: "Copier",
    copied: "Copié.",
    done: "Je l’ai conservé",
  },
);

/** Show a secret when the dialog that asked for it has closed. */
export function showOnce(title: string, value: string): void {
  setTimeout(() => open(<Secret title={title} value={value} />));
}

function Secret({ title, value }: { title: string; value: string }) {
  return (
    <Dialog title={title} firm footer={<Button kind="main" onClick={close}>{w().done}</Button>}>
      <p>{w().once}</p>
      <div class="secret">
        <code>{value}</code>
        <Button icon="copy" onClick={() => void navigator.clipboard.writeText(value).then(() => notify(w().copied))}>
          {w().copy}
        </Button>
      </div>
    </Dialog>
  );
}

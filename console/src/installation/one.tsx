// One space as operators see it: name, quota, credits, host names; and its end.
import { useState } from "preact/hooks";
import { del, get, patch, spaces, whoAmI } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, go } from "../core/places";
import { words } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { FormDialog, open } from "../parts/dialogs";
import { TextArea, TextField } from "../parts/fields";
import { notify } from "../parts/notices";
import { Loading, Problem } from "../parts/states";
import { History } from "../admin/history";
import { Room, type Usage, badSize, exactSize, parseSize } from "../admin/room";
import type { Administered } from "../admin/space";

const w = words(
  {
    all: "All spaces",
    room: "Room",
    settings: "Settings",
    name: "Name",
    quota: "Quota",
    pages: "Pages that may be read (OCR)",
    hosts: "Own host names",
    hostsHint: "One on each line. Requests to such a host mean this space.",
    save: "Save",
    saved: "Saved.",
    enter: "Go to the space",
    remove: "Delete the space …",
    removeTitle: (name: string) => `Delete ${name}`,
    removeText: "Nobody can enter it from now on. When the time of grace is over, everything in it is removed for good; until then it can be restored.",
    removeField: (short: string) => `Type ${short} to confirm`,
    removeAction: "Delete",
    removed: "The space is deleted. It stands under “Deleted” until it is cleared.",
  },
  {
    all: "Tous les espaces",
    room: "Place",
    settings: "Réglages",
    name: "Nom",
    quota: "Quota",
    pages: "Pages encore lisibles (OCR)",
    hosts: "Noms d’hôte propres",
    hostsHint: "Un par ligne. Les requêtes vers un tel hôte visent cet espace.",
    save: "Enregistrer",
    saved: "Enregistré.",
    enter: "Aller à l’espace",
    remove: "Supprimer l’espace…",
    removeTitle: (name: string) => `Supprimer ${name}`,
    removeText: "Plus personne ne peut y entrer. Passé le délai de grâce, tout son contenu est effacé définitivement ; jusque-là, on peut le rétablir.",
    removeField: (short: string) => `Saisissez ${short} pour confirmer`,
    removeAction: "Supprimer",
    removed: "L’espace est supprimé. Il figure sous « Supprimés » jusqu’à ce qu’il soit vidé.",
  },
);

export function OneSpace({ short }: { short: string }) {
  const path = `/spaces/${encodeURIComponent(short)}`;
  const found = useLoaded(async (signal) => {
    const asked = { signal, space: null };
    const [space, usage] = await Promise.all([get<Administered>(path, {}, asked), get<Usage>(`${path}/usage`, {}, asked)]);
    return { space, usage };
  }, [path]);
  const is = found.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="cut">{is ? is.space.name || is.space.short : short}</h1>
        {spaces.value.some((each) => each.short === short) && (
          <Button icon="right" onClick={() => go(address(["files"], {}, short))}>{w().enter}</Button>
        )}
        <p class="lead"><Link to={address(["spaces"])}>{w().all}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !is ? <Loading /> : (
        <>
          <section class="card"><h2>{w().room}</h2><Room of={is.usage} /></section>
          <History short={short} />
          <section class="card">
            <h2>{w().settings}</h2>
            <Settings of={is.space} usage={is.usage} after={found.reload} />
          </section>
          <Button icon="trash" onClick={() => open(<Remove of={is.space} />)}>{w().remove}</Button>
        </>
      )}
    </div>
  );
}

function Settings({ of, usage, after }: { of: Administered; usage: Usage; after: () => void }) {
  const [name, setName] = useState(of.name);
  const [quota, setQuota] = useState(exactSize(of.quota));
  const [pages, setPages] = useState(String(usage.ocr_credits));
  const [hosts, setHosts] = useState(of.hosts.join("\n"));
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const bytes = parseSize(quota);
  const save = async () => {
    setBusy(true);
    const wanted = hosts.split(/\s+/).filter(Boolean);
    try {
      // Only what was changed: meanwhile a page may have been read, or somebody else have been here.
      await patch(`/spaces/${of.short}`, {
        ...(name.trim() === of.name ? {} : { name: name.trim() }),
        ...(bytes === of.quota ? {} : { quota: bytes }),
        ...(Number(pages) === usage.ocr_credits ? {} : { ocr_credits: Number(pages) }),
        ...(wanted.join() === of.hosts.join() ? {} : { hosts: wanted }),
      }, { space: null });
      setProblem(null);
      notify(w().saved);
      after();
      await whoAmI();
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  return (
    <form class="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <TextField label={w().name} value={name} onInput={setName} required maxLength={256} />
      <TextField label={w().quota} hint={badSize()} value={quota} onInput={setQuota} />
      <TextField label={w().pages} type="number" min={0} required value={pages} onInput={setPages} />
      <TextArea label={w().hosts} hint={w().hostsHint} rows={2} value={hosts} onInput={setHosts} />
      <Problem error={problem} />
      <div class="card-actions">
        <Button kind="main" type="submit" busy={busy} disabled={!name.trim() || bytes === undefined}>{w().save}</Button>
      </div>
    </form>
  );
}

function Remove({ of }: { of: Administered }) {
  const [typed, setTyped] = useState("");
  const submit = async () => {
    await del(`/spaces/${of.short}`, {}, { space: null });
    notify(w().removed);
    go(address(["spaces"], { of: "deleted" }), true);
    await whoAmI();
  };
  return (
    <FormDialog title={w().removeTitle(of.name || of.short)} action={w().removeAction} danger disabled={typed !== of.short} onSubmit={submit}>
      <p>{w().removeText}</p>
      <TextField label={w().removeField(of.short)} value={typed} onInput={setTyped} focus />
    </FormDialog>
  );
}

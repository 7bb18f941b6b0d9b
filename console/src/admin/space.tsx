// The space itself: its name, and how full it is.
import { useState } from "preact/hooks";
import { type Space, get, patch, space, whoAmI } from "../core/api";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { words } from "../core/words";
import { Button } from "../parts/buttons";
import { Checkbox, TextField } from "../parts/fields";
import { notify } from "../parts/notices";
import { Loading, Problem } from "../parts/states";
import { History } from "./history";
import { Room, type Usage } from "./room";

const w = words(
  {
    title: "Space",
    lead: "How full this space is, and what it is called. An administrator of the installation decides about quota and credits.",
    room: "Room",
    settings: "Settings",
    name: "Name",
    short: "Short name, in addresses",
    hosts: "Own host names",
    signup: "People may sign up by themselves",
    save: "Save",
    saved: "Saved.",
  },
  {
    title: "Espace",
    lead: "Le remplissage de cet espace et son nom. Un administrateur de l’installation décide du quota et des crédits.",
    room: "Place",
    settings: "Réglages",
    name: "Nom",
    short: "Nom court, dans les adresses",
    hosts: "Noms d’hôte propres",
    signup: "On peut s’inscrire soi-même",
    save: "Enregistrer",
    saved: "Enregistré.",
  },
);

export interface Administered extends Space {
  signup_open: boolean;
  created_at: string;
  quota: number | null;
  hosts: string[];
}

export default function SpacePage() {
  const path = `/spaces/${space.value!.short}`;
  const usage = useLoaded((signal) => get<Usage>(`${path}/usage`, {}, { signal }), [path]);
  const found = useLoaded((signal) => get<Administered>(path, {}, { signal }), [path]);
  useHappenings(["file", "space.changed"], usage.reload);
  return (
    <div class="page">
      <header class="page-head"><h1>{w().title}</h1><p class="lead">{w().lead}</p></header>
      <section class="card">
        <h2>{w().room}</h2>
        {usage.error ? <Problem error={usage.error} onRetry={usage.reload} /> : usage.value ? <Room of={usage.value} /> : <Loading />}
      </section>
      <History short={space.value!.short} />
      <section class="card">
        <h2>{w().settings}</h2>
        {found.error ? <Problem error={found.error} onRetry={found.reload} />
          : found.value ? <Settings key={found.value.id} of={found.value} after={found.reload} /> : <Loading />}
      </section>
    </div>
  );
}

function Settings({ of, after }: { of: Administered; after: () => void }) {
  const [name, setName] = useState(of.name);
  const [open, setOpen] = useState(of.signup_open);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await patch(`/spaces/${of.short}`, { name: name.trim(), signup_open: open });
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
      <Checkbox label={w().signup} checked={open} onChange={setOpen} />
      <dl class="facts">
        <dt>{w().short}</dt><dd class="mono">{of.short}</dd>
        {of.hosts.length > 0 && <><dt>{w().hosts}</dt><dd>{of.hosts.join(", ")}</dd></>}
      </dl>
      <Problem error={problem} />
      <div class="card-actions"><Button kind="main" type="submit" busy={busy} disabled={!name.trim()}>{w().save}</Button></div>
    </form>
  );
}

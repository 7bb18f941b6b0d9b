// The audit trail of the space, newest first, and whether it is what was sealed.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../core/api";
import { useLoaded } from "../core/loading";
import { type Page, Paged } from "../core/paging";
import { ask, asking, place } from "../core/places";
import { moment, number as written, words } from "../core/words";
import { Button } from "../parts/buttons";
import { Dialog } from "../parts/dialogs";
import { type Column, Table } from "../parts/tables";
import { complain } from "../parts/notices";
import { Icon } from "../parts/icons";
import { Empty, Loading, Problem } from "../parts/states";
import { useMembers } from "./people";

const w = words(
  {
    title: "Audit trail",
    lead: "Everything that happened in this space. Each event is sealed with the one before, so that a change or a gap shows.",
    verify: "Verify",
    whole: "The trail is whole: every event is as it was sealed.",
    broken: (n: string) => `Event ${n} is not what was sealed, or is missing. Compare with an exported trail (consigne audit export).`,
    end: (n: string) => `Up to event ${n}, whose seal is`,
    number: "No.",
    at: "When",
    action: "Event",
    actor: "By",
    subject: "About",
    kind: "Kind of event",
    all: "All events",
    user: (n: number) => `User ${n}`,
    person: "Who did it",
    everybody: "Everybody",
    system: "the server",
    none: "Nothing has happened that fits.",
    facts: "Facts",
    seal: "Seal (SHA-256)",
    details: (n: string) => `Event ${n}`,
    find: "Id of what it is about",
  },
  {
    title: "Journal d’audit",
    lead: "Tout ce qui s’est passé dans cet espace. Chaque événement est scellé avec le précédent : une modification ou une lacune se voit.",
    verify: "Vérifier",
    whole: "Le journal est intact : chaque événement est tel qu’il a été scellé.",
    broken: (n: string) => `L’événement ${n} n’est pas celui qui a été scellé, ou il manque. Comparez avec un journal exporté (consigne audit export).`,
    end: (n: string) => `Jusqu’à l’événement ${n}, dont le sceau est`,
    number: "N°",
    at: "Quand",
    action: "Événement",
    actor: "Par",
    subject: "À propos de",
    kind: "Nature de l’événement",
    all: "Tous les événements",
    user: (n: number) => `Utilisateur ${n}`,
    person: "Qui l’a fait",
    everybody: "Tout le monde",
    system: "le serveur",
    none: "Rien de tel ne s’est passé.",
    facts: "Faits",
    seal: "Sceau (SHA-256)",
    details: (n: string) => `Événement ${n}`,
    find: "Identifiant de ce dont il s’agit",
  },
);

const kinds = words(
  { file: "Files", folder: "Folders", upload: "Uploads", content: "Contents", record: "Records", type: "Types", member: "Members", key: "Keys", webhook: "Webhooks", job: "Jobs", year: "Years", space: "The space", group: "Groups" },
  { file: "Fichiers", folder: "Dossiers", upload: "Envois", content: "Contenus", record: "Fiches", type: "Types", member: "Membres", key: "Clés", webhook: "Webhooks", job: "Tâches", year: "Exercices", space: "L’espace", group: "Groupes" },
);

interface Event {
  sequence: number;
  id: string;
  at: string;
  action: string;
  actor: number | null;
  subject: string | null;
  data: Record<string, unknown>;
  digest: string;
}

interface Checked {
  broken: number | null;
  last: Event | null;
}

/** Who acted where nobody did. */
const SYSTEM = "service";
const BEHIND_ALL = String(Number.MAX_SAFE_INTEGER);

interface Narrowed {
  kind: string;
  subject: string;
  actor: string;
}

function fits(event: Event, { kind, subject, actor }: Narrowed): boolean {
  // `files.released` tells of many files: it belongs to those of one.
  const family = event.action.split(".")[0]!;
  return (!kind || family === kind || family === `${kind}s`) && (!subject || event.subject === subject)
    && (!actor || String(event.actor ?? SYSTEM) === actor);
}

export default function Audit() {
  const { query } = place.value;
  const kind = query.get("kind") ?? "";
  const subject = query.get("about") ?? "";
  const actor = query.get("by") ?? "";
  const shown = query.get("event");
  const [checked, setChecked] = useState<Checked | null>(null);
  // Its own: what is being typed stays when rows arrive.
  const [typed, setTyped] = useState(subject);
  const [busy, setBusy] = useState(false);
  const members = useMembers();
  const names = new Map(members);
  const list = useMemo(
    () =>
      new Paged<Event>(async (cursor, signal): Promise<Page<Event>> => {
        const page = await get<{ events: Event[]; next: string | null }>(
          "/events", { before: cursor ?? BEHIND_ALL, limit: kind || subject || actor ? 1000 : 100 }, { signal },
        );
        return { rows: page.events.filter((each) => fits(each, { kind, subject, actor })), next: page.next };
      }),
    [kind, subject, actor],
  );
  useEffect(() => () => list.stop(), [list]);
  void list.version.value;
  const by = (event: Event) => (event.actor === null ? w().system : names.get(event.actor) ?? w().user(event.actor));
  const verify = async () => {
    setBusy(true);
    await get<Checked>("/events/check").then(setChecked, complain);
    setBusy(false);
  };
  const columns: Column<Event>[] = [
    { key: "number", title: w().number, width: "6rem", right: true, hide: 2, cell: (row) => written(row.sequence) },
    { key: "at", title: w().at, width: "15.5rem", cell: (row) => <span>{moment(row.at)}</span> },
    { key: "action", title: w().action, opens: true, width: "minmax(9rem, 1fr)", cell: (row) => <span>{row.action}</span> },
    { key: "actor", title: w().actor, width: "minmax(7rem, 1fr)", cell: (row) => <span>{by(row)}</span>, hide: 1 },
    { key: "subject", title: w().subject, width: "minmax(8rem, 1.5fr)", cell: (row) => <span class="mono">{row.subject ?? "–"}</span>, hide: 1 },
  ];
  return (
    <div class="page full">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button icon="audit" busy={busy} onClick={() => void verify()}>{w().verify}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      {checked && <Verdict of={checked} />}
      <div class="filters">
        <select class="input slim" aria-label={w().kind} value={kind}
          onChange={(event) => ask({ kind: event.currentTarget.value || undefined }, true)}>
          <option value="">{w().all}</option>
          {Object.entries(kinds()).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
        <select class="input slim" aria-label={w().person} value={actor}
          onChange={(event) => ask({ by: event.currentTarget.value || undefined }, true)}>
          <option value="">{w().everybody}</option>
          <option value={SYSTEM}>{w().system}</option>
          {/* Who has left is found by the address that another page gives. */}
          {actor && actor !== SYSTEM && !names.has(Number(actor)) && <option value={actor}>{w().user(Number(actor))}</option>}
          {members.map(([user, name]) => <option key={user} value={user}>{name}</option>)}
        </select>
        <input class="input slim" aria-label={w().find} placeholder={w().find} value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onChange={(event) => ask({ about: event.currentTarget.value.trim() || undefined }, true)} />
      </div>
      {list.error.value ? <Problem error={list.error.value} onRetry={list.retry} />
        : !list.ready.value ? <Loading />
        : !list.count.value && list.complete ? <Empty icon="audit" title={w().none} />
        : (
          <Table
            label={w().title}
            count={list.count.value}
            row={list.at}
            id={(row) => row.id}
            name={(row) => row.action}
            columns={columns}
            onNeed={list.need}
            to={(row) => asking({ event: String(row.sequence) })}
          />
        )}
      {shown && <Details key={shown} number={Number(shown)} by={by} />}
    </div>
  );
}

function Verdict({ of }: { of: Checked }) {
  if (of.broken !== null) {
    return <div class="problem" role="alert"><Icon name="warning" /><div><p>{w().broken(written(of.broken))}</p></div></div>;
  }
  return (
    <div class="card" role="status">
      <p>{w().whole}</p>
      {of.last && <p class="quiet small">{w().end(written(of.last.sequence))} <code>{of.last.digest}</code></p>}
    </div>
  );
}

function Details({ number, by }: { number: number; by: (event: Event) => string }) {
  const found = useLoaded(
    async (signal) => (await get<{ events: Event[] }>("/events", { after: number - 1, limit: 1 }, { signal })).events[0],
    [number],
  );
  const is = found.value;
  return (
    <Dialog wide title={w().details(written(number))} onClose={() => ask({ event: undefined })}>
      <Problem error={found.error} />
      {is && (
        <>
          <dl class="facts">
            <dt>{w().action}</dt><dd>{is.action}</dd>
            <dt>{w().at}</dt><dd>{moment(is.at)}</dd>
            <dt>{w().actor}</dt><dd>{by(is)}</dd>
            <dt>{w().subject}</dt><dd class="mono">{is.subject ?? "–"}</dd>
            <dt>{w().seal}</dt><dd class="mono">{is.digest}</dd>
          </dl>
          <h3>{w().facts}</h3>
          <pre class="payload" tabIndex={0} aria-label={w().facts}>{JSON.stringify(is.data, null, 2)}</pre>
        </>
      )}
    </Dialog>
  );
}

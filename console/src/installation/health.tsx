// How the installation is: its parts, the scrub, and stores that copy or move.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Offline, get } from "../core/api";
import { useLoaded } from "../core/loading";
import { prefix } from "../core/places";
import { moment, number, size, words } from "../core/words";
import { Button } from "../parts/buttons";
import { Rows } from "../parts/lists";
import { Badge, Loading, Problem, Progress } from "../parts/states";

const w = words(
  {
    title: "Health",
    lead: "Whether the server can serve, and whether what is stored is what came in.",
    again: "Look again",
    parts: "Parts",
    part: "Part",
    state: "State",
    detail: "Seen",
    ready: "The server is ready.",
    notReady: "The server cannot serve.",
    version: (text: string) => `Version ${text}`,
    free: (free: string, total: string) => `${free} of ${total} free`,
    scrub: "Scrub",
    scrubText: "Reads everything that is stored again, and compares all checksums.",
    never: "It has not begun yet.",
    running: "under way",
    waiting: "waits",
    begun: "Begun",
    ended: "Ended",
    due: "Next pass",
    checked: "Contents checked",
    of: (part: string, all: string) => `${part} of ${all}`,
    bytes: "Read",
    found: "Damaged or missing",
    repaired: "Repaired",
    findings: "Findings",
    content: "Content",
    place: "Where",
    problem: "What is wrong",
    when: "Found",
    yes: "yes",
    no: "no",
    mirror: "Mirror",
    copied: "Copied",
    behind: "Still to be copied",
    since: "Behind since",
    migration: "Move to another store",
    moved: "Moved",
    left: "Still to be moved",
    uploads: "Open uploads in the old store",
    location: "Where",
  },
  {
    title: "Santé",
    lead: "Le serveur peut-il servir, et ce qui est stocké est-il ce qui est arrivé ?",
    again: "Actualiser",
    parts: "Composants",
    part: "Composant",
    state: "État",
    detail: "Constat",
    ready: "Le serveur est prêt.",
    notReady: "Le serveur ne peut pas servir.",
    version: (text: string) => `Version ${text}`,
    free: (free: string, total: string) => `${free} libres sur ${total}`,
    scrub: "Relecture",
    scrubText: "Relit tout ce qui est stocké et compare toutes les empreintes.",
    never: "Elle n’a pas encore commencé.",
    running: "en cours",
    waiting: "en attente",
    begun: "Début",
    ended: "Fin",
    due: "Prochain passage",
    checked: "Contenus vérifiés",
    of: (part: string, all: string) => `${part} sur ${all}`,
    bytes: "Lu",
    found: "Endommagés ou manquants",
    repaired: "Réparés",
    findings: "Constatations",
    content: "Contenu",
    place: "Où",
    problem: "Défaut",
    when: "Constaté",
    yes: "oui",
    no: "non",
    mirror: "Miroir",
    copied: "Copiés",
    behind: "Restent à copier",
    since: "En retard depuis",
    migration: "Déménagement vers un autre stockage",
    moved: "Déménagés",
    left: "Restent à déménager",
    uploads: "Envois ouverts dans l’ancien stockage",
    location: "Où",
  },
);

const parts = words(
  { catalog: "Database", schema: "Schema of the database", store: "Store", disk: "Disk", queue: "Queue of jobs" },
  { catalog: "Base de données", schema: "Schéma de la base", store: "Stockage", disk: "Disque", queue: "File des tâches" },
);

const states = words(
  { ok: "good", warning: "look at it", failed: "fails" },
  { ok: "bon", warning: "à regarder", failed: "en panne" },
);

interface Check {
  name: string;
  status: "ok" | "warning" | "failed";
  detail: string;
}

interface HealthOf {
  status: string;
  failed?: string[];
  version?: string;
  checks?: Check[];
}

interface Scrub {
  pass: {
    number: number;
    started_at: string;
    ended_at: string | null;
    contents: number;
    checked: number;
    bytes_read: number;
    found: number;
    repaired: number;
  } | null;
  is_running: boolean;
  due_at: string | null;
}

interface Finding {
  content: string;
  place: string;
  problem: string;
  repaired: boolean;
  found_at: string;
}

interface Mirror {
  location: string;
  copied: number;
  bytes_copied: number;
  behind: number;
  bytes_behind: number;
  behind_since: string | null;
}

interface Migration {
  source: string;
  target: string;
  begun_at: string;
  moved: number;
  bytes_moved: number;
  left: number;
  uploads: number;
}

const EVERY = 5000;

async function look(signal: AbortSignal): Promise<HealthOf> {
  try {
    // Not ready is an answer, too.
    return await (await fetch(`${prefix}/health`, { signal, credentials: "same-origin" })).json();
  } catch {
    throw new Offline();
  }
}

export default function Health() {
  const found = useLoaded(look, []);
  const asked = (signal: AbortSignal) => ({ signal, space: null });
  const scrub = useLoaded((signal) => get<Scrub>("/scrub", {}, asked(signal)), []);
  const findings = useLoaded((signal) => get<{ findings: Finding[] }>("/scrub/findings", { limit: 100 }, asked(signal)), []);
  const mirror = useLoaded((signal) => get<{ mirror: Mirror | null }>("/mirror", {}, asked(signal)), []);
  const move = useLoaded((signal) => get<{ migration: Migration | null }>("/migration", {}, asked(signal)), []);
  const again = () => {
    for (const each of [found, scrub, findings, mirror, move]) each.reload();
  };
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && again(), EVERY);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button icon="refresh" onClick={again}>{w().again}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      <Part title={w().parts} of={found}>{(is) => <Parts of={is} />}</Part>
      <Part title={w().scrub} of={scrub}>{(is) => <ScrubOf of={is} />}</Part>
      {findings.value && findings.value.findings.length > 0 && (
        <section class="card"><h2>{w().findings}</h2><Findings of={findings.value.findings} /></section>
      )}
      {mirror.value?.mirror && <section class="card"><h2>{w().mirror}</h2><MirrorOf of={mirror.value.mirror} /></section>}
      {move.value?.migration && <section class="card"><h2>{w().migration}</h2><MoveOf of={move.value.migration} /></section>}
    </div>
  );
}

function Part<T>(props: { title: string; of: { value: T | undefined; error: unknown; reload: () => void }; children: (is: T) => ComponentChildren }) {
  const { value, error, reload } = props.of;
  return (
    <section class="card">
      <h2>{props.title}</h2>
      {error ? <Problem error={error} onRetry={reload} /> : value ? props.children(value) : <Loading />}
    </section>
  );
}

const TONES = { ok: "good", warning: "warm", failed: "bad" } as const;

function Parts({ of }: { of: HealthOf }) {
  const checks = of.checks ?? (of.failed ?? []).map((name): Check => ({ name, status: "failed", detail: "" }));
  return (
    <>
      <p role="status">
        <strong>{of.status === "ready" ? w().ready : w().notReady}</strong>{" "}
        {of.version && <span class="quiet">{w().version(of.version)}</span>}
      </p>
      <Rows
        label={w().parts}
        rows={checks}
        id={(each) => each.name}
        columns={[
          { key: "part", title: w().part, cell: (each) => (parts() as Record<string, string>)[each.name] ?? each.name },
          { key: "state", title: w().state, cell: (each) => <Badge tone={TONES[each.status]}>{states()[each.status]}</Badge> },
          { key: "detail", title: w().detail, cell: (each) => detail(each) || "–" },
        ]}
      />
    </>
  );
}

function detail(check: Check): string {
  const room = /^(\d+) of (\d+) bytes free$/.exec(check.detail);
  return room ? w().free(size(Number(room[1])), size(Number(room[2]))) : check.detail;
}

function ScrubOf({ of: { pass, is_running, due_at } }: { of: Scrub }) {
  return (
    <>
      <p class="quiet">{w().scrubText}</p>
      {!pass ? <p>{w().never}</p> : (
        <>
          {!pass.ended_at && <Progress label={w().scrub} done={pass.checked} total={pass.contents} />}
          <dl class="facts">
            <dt>{w().begun}</dt>
            <dd>{moment(pass.started_at)} {!pass.ended_at && <Badge tone="warm">{is_running ? w().running : w().waiting}</Badge>}</dd>
            {pass.ended_at && <><dt>{w().ended}</dt><dd>{moment(pass.ended_at)}</dd></>}
            <dt>{w().checked}</dt><dd>{w().of(number(pass.checked), number(pass.contents))}</dd>
            <dt>{w().bytes}</dt><dd>{size(pass.bytes_read)}</dd>
            <dt>{w().found}</dt><dd>{pass.found ? <Badge tone="bad">{number(pass.found)}</Badge> : number(0)}</dd>
            <dt>{w().repaired}</dt><dd>{number(pass.repaired)}</dd>
          </dl>
        </>
      )}
      {due_at && <dl class="facts"><dt>{w().due}</dt><dd>{moment(due_at)}</dd></dl>}
    </>
  );
}

function Findings({ of }: { of: Finding[] }) {
  return (
    <Rows
      label={w().findings}
      rows={of}
      id={(each) => `${each.content} ${each.place}`}
      columns={[
        { key: "content", title: w().content, cell: (each) => <span class="mono">{each.content}</span> },
        { key: "place", title: w().place, cell: (each) => each.place },
        { key: "problem", title: w().problem, cell: (each) => <Badge tone="bad">{each.problem}</Badge> },
        { key: "repaired", title: w().repaired, cell: (each) => (each.repaired ? w().yes : w().no) },
        { key: "when", title: w().when, cell: (each) => moment(each.found_at) },
      ]}
    />
  );
}

function MirrorOf({ of }: { of: Mirror }) {
  return (
    <dl class="facts">
      <dt>{w().location}</dt><dd class="mono">{of.location}</dd>
      <dt>{w().copied}</dt><dd>{number(of.copied)} ({size(of.bytes_copied)})</dd>
      <dt>{w().behind}</dt><dd>{number(of.behind)} ({size(of.bytes_behind)})</dd>
      {of.behind_since && <><dt>{w().since}</dt><dd>{moment(of.behind_since)}</dd></>}
    </dl>
  );
}

function MoveOf({ of }: { of: Migration }) {
  return (
    <>
      <Progress label={w().migration} done={of.moved} total={of.moved + of.left} />
      <dl class="facts">
        <dt>{w().location}</dt><dd class="mono">{of.source} → {of.target}</dd>
        <dt>{w().begun}</dt><dd>{moment(of.begun_at)}</dd>
        <dt>{w().moved}</dt><dd>{number(of.moved)} ({size(of.bytes_moved)})</dd>
        <dt>{w().left}</dt><dd>{number(of.left)}</dd>
        <dt>{w().uploads}</dt><dd>{number(of.uploads)}</dd>
      </dl>
    </>
  );
}

// Choose a type and a file, see its first rows and what each column means, start.
import { useRef, useState } from "preact/hooks";
import { get, space } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, ask, go, place } from "../core/places";
import { moment } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { Select } from "../parts/fields";
import { Icon } from "../parts/icons";
import { Badge, Empty, Loading, Problem } from "../parts/states";
import type { Job } from "../jobs/model";
import { HowFar, StateBadge } from "../jobs/parts";
import { type Type, allTypes } from "../records/model";
import { MODES, type Mode, type Rows, firstRows, meaningOf, missing, start } from "./model";
import { w } from "./words";

export function Start() {
  const types = useLoaded(allTypes, [space.value?.short]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <p class="lead">{w().lead}</p>
      </header>
      {types.error ? <Problem error={types.error} onRetry={types.reload} />
        : !types.value ? <Loading />
        : !types.value.length ? <Empty icon="table" title={w().none}>{w().noneText}</Empty>
        : <><Chosen types={types.value} /><Recent /></>}
    </div>
  );
}

function Chosen({ types }: { types: Type[] }) {
  const { query } = place.value;
  const type = types.find((each) => each.name === query.get("type")) ?? types[0]!;
  const mode = MODES.find((each) => each === query.get("mode")) ?? "upsert";
  const input = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<{ file: File; rows: Rows } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const take = async (file: File) => {
    setProblem(null);
    setChosen({ file, rows: await firstRows(file) });
  };
  const begin = async () => {
    setBusy(true);
    setProblem(null);
    try {
      go(address(["imports", (await start(type.name, mode, chosen!.file)).id]));
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const isReady = chosen && chosen.rows.names.length > 0 && !missing(chosen.rows.names, mode).length;
  return (
    <section class="card">
      <div class="form row import-what">
        <Select label={w().type} value={type.name} onChange={(name) => ask({ type: name }, true)}
          options={types.map((each) => [each.name, each.label || each.name] as const)} />
        <Select<Mode> label={w().mode} value={mode} onChange={(name) => ask({ mode: name }, true)}
          options={MODES.map((each) => [each, w()[each]] as const)} />
      </div>
      <p class="hint">{w().chooseText}</p>
      <Button icon="upload" onClick={() => input.current!.click()}>{chosen ? w().another : w().choose}</Button>
      <input ref={input} type="file" hidden accept=".csv,text/csv,text/plain" aria-label={w().choose}
        onChange={(event) => { const [file] = event.currentTarget.files ?? []; event.currentTarget.value = ""; if (file) void take(file); }} />
      {chosen && <Look name={chosen.file.name} rows={chosen.rows} type={type} mode={mode} />}
      <Problem error={problem} />
      {chosen && <Button kind="main" icon="play" busy={busy} disabled={!isReady} onClick={() => void begin()}>{w().start}</Button>}
    </section>
  );
}

/** The first rows, and under each column's name what it fills. */
function Look({ name, rows, type, mode }: { name: string; rows: Rows; type: Type; mode: Mode }) {
  const columns = rows.names.map((each) => ({ name: each, ...meaningOf(each, type) }));
  const lacking = missing(rows.names, mode);
  const unknown = columns.filter((each) => each.kind === "unknown").map((each) => each.name);
  if (!rows.rows.length) return <p class="problem"><Icon name="warning" /> {w().empty}</p>;
  return (
    <>
      {lacking.length > 0 && <p class="problem"><Icon name="warning" /> {w().missing(lacking.join(", "))}</p>}
      {unknown.length > 0 && <p class="problem"><Icon name="warning" /> {w().unknownText(unknown.join(", "))}</p>}
      <div class="plain-frame" tabIndex={0} role="region" aria-label={w().preview(name)}>
        <table class="plain-table">
          <thead>
            <tr>
              {columns.map((each) => (
                <th key={each.name}>
                  <span>{each.name}</span>{" "}
                  {each.kind === "field" ? <span class="quiet">{each.label}</span>
                    : <Badge {...(each.kind === "unknown" ? { tone: "bad" as const } : {})}>{w()[each.kind]}</Badge>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{rows.rows.map((row, at) => <tr key={at}>{columns.map((_, index) => <td key={index}>{row[index] ?? ""}</td>)}</tr>)}</tbody>
        </table>
      </div>
    </>
  );
}

function Recent() {
  const found = useLoaded(
    (signal) => get<{ jobs: Job[] }>("/jobs", { kind: "import", limit: 20 }, { signal }), [space.value?.short],
  );
  const jobs = found.value?.jobs;
  return (
    <section class="card">
      <h2>{w().recent}</h2>
      {found.error ? <Problem error={found.error} onRetry={found.reload} />
        : !jobs ? <Loading />
        : !jobs.length && <p class="quiet">{w().noRecent}</p>}
      <ul class="rows">
        {jobs?.map((job) => (
          <li key={job.id}>
            <div class="rows-main"><Link to={address(["imports", job.id])}>{moment(job.created_at)}</Link></div>
            <HowFar job={job} />
            <StateBadge job={job} />
          </li>
        ))}
      </ul>
    </section>
  );
}

// One import: how far it is, what it took in, what it refused, and how to go on.
import { space } from "../core/api";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { address } from "../core/places";
import { moment, number } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Loading, Problem } from "../parts/states";
import { errorsUrl, isUnderWay, mayCancel } from "../jobs/model";
import { HowFar, StateBadge, askToCancel, useWatching } from "../jobs/parts";
import { type Import, importOf, refusedRows } from "./model";
import { w } from "./words";

export function OneImport({ id }: { id: string }) {
  const found = useLoaded((signal) => importOf(id, signal), [space.value?.short, id]);
  const shown = found.value;
  useWatching(!!shown && isUnderWay(shown.job), found.reload);
  useHappenings(["job."], (event) => {
    if (event.subject === id) found.reload();
  });
  return (
    <div class="page">
      <header class="page-head">
        <h1>{shown ? w().into(shown.type) : w().title}</h1>
        {shown && mayCancel(shown.job) && <Button icon="close" onClick={() => askToCancel(shown.job, found.reload)}>{w().cancel}</Button>}
        <p class="lead"><Link to={address(["imports"])}>{w().back}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !shown ? <Loading /> : (
        <>
          <section class="card">
            <dl class="facts">
              <dt>{w().state}</dt><dd aria-live="polite"><StateBadge job={shown.job} /></dd>
              <dt>{w().progress}</dt><dd><HowFar job={shown.job} /></dd>
              <dt>{w().good}</dt><dd>{number(shown.succeeded)}</dd>
              <dt>{w().bad}</dt><dd>{number(shown.failed)}</dd>
              <dt>{w().made}</dt><dd>{moment(shown.job.created_at)}</dd>
              <dt>{w().ended}</dt><dd>{moment(shown.job.ended_at)}</dd>
            </dl>
            {shown.succeeded > 0 && <Link class="button" to={address(["records", shown.type])}>{w().records}</Link>}
          </section>
          {shown.job.error && <p class="problem"><Icon name="warning" /> {shown.job.error.detail}</p>}
          {shown.has_errors && <Refused shown={shown} />}
        </>
      )}
    </div>
  );
}

function Refused({ shown }: { shown: Import }) {
  const found = useLoaded((signal) => refusedRows(shown.id, signal), [shown.id]);
  return (
    <section class="card">
      <h2>{w().refused}</h2>
      <p class="quiet">{shown.failed ? w().refusedText(shown.failed) : w().wholeText}</p>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !found.value ? <Loading /> : (
        <div class="plain-frame" tabIndex={0} role="region" aria-label={w().refused}>
          <table class="plain-table">
            <thead><tr>{found.value.names.map((name) => <th key={name}>{heads()[name] ?? name}</th>)}</tr></thead>
            <tbody>
              {found.value.rows.map((row, at) => (
                <tr key={at}>{row.map((cell, index) => <td key={index}>{cell}</td>)}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="import-next">
        <a class="button" href={errorsUrl(shown.id, space.value!.short)} download>
          <Icon name="download" size={18} /> <span>{w().download}</span>
        </a>
        <Link class="button main" to={address(["imports"], { type: shown.type, mode: shown.mode })}>{w().again}</Link>
      </div>
    </section>
  );
}

const heads = (): Record<string, string> => ({ "#line": w().line, "#field": w().field, "#error": w().error });

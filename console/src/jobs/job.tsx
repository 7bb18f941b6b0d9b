// One job: how far it is, what it did, why it failed and what to do then.
import { get, session, space } from "../core/api";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { address } from "../core/places";
import { moment, number, size } from "../core/words";
import { type File, contentUrl } from "../files/model";
import { Button, Link } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Loading, Problem } from "../parts/states";
import { type Job, adviceOn, errorsUrl, isUnderWay, kindOf, lookAt, mayCancel } from "./model";
import { HowFar, StateBadge, askToCancel, lasted, useWatching } from "./parts";
import { w } from "./words";

export function OneJob({ id }: { id: string }) {
  const found = useLoaded((signal) => lookAt(id, signal), [space.value?.short, id]);
  const job = found.value;
  useWatching(!!job && isUnderWay(job), found.reload);
  useHappenings(["job."], (event) => {
    if (event.subject === id) found.reload();
  });
  return (
    <div class="page">
      <header class="page-head">
        <h1>{job ? kindOf(job) : w().title}</h1>
        {job && mayCancel(job) && <Button icon="close" onClick={() => askToCancel(job, found.reload)}>{w().cancel}</Button>}
        <p class="lead"><Link to={address(["jobs"])}>{w().back}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !job ? <Loading /> : <Shown job={job} />}
    </div>
  );
}

function Shown({ job }: { job: Job }) {
  return (
    <>
      <section class="card">
        <dl class="facts">
          <dt>{w().state}</dt><dd aria-live="polite"><StateBadge job={job} /></dd>
          <dt>{w().progress}</dt><dd><HowFar job={job} /></dd>
          <dt>{w().made}</dt><dd>{moment(job.created_at)}</dd>
          <dt>{w().started}</dt><dd>{moment(job.started_at)}</dd>
          <dt>{w().ended}</dt><dd>{moment(job.ended_at)}</dd>
          <dt>{w().lasted}</dt><dd>{lasted(job)}</dd>
          <dt>{w().attempts}</dt><dd>{number(job.attempts)}</dd>
          <dt>{w().by}</dt><dd>{maker(job)}</dd>
          {job.file && <><dt>{w().file}</dt><dd><About id={job.file} /></dd></>}
        </dl>
      </section>
      {job.error && <Failure job={job} />}
      {job.result && <Result job={job} result={job.result} />}
    </>
  );
}

function maker(job: Job): string {
  if (job.created_by === null) return w().service;
  return job.created_by === session.value?.user.id ? w().you : w().another(job.created_by);
}

/** The file that it is about, by its name. */
function About({ id }: { id: string }) {
  const file = useLoaded((signal) => get<File>(`/files/${id}`, {}, { signal }), [id]).value;
  if (!file) return <code>{id}</code>;
  return <Link to={address(["files", ...(file.folder ? [file.folder] : [])], { file: id })}>{file.name}</Link>;
}

function Failure({ job }: { job: Job }) {
  return (
    <section class="card">
      <h2>{w().why}</h2>
      <div class="problem"><Icon name="warning" /><div><p>{job.error!.detail}</p></div></div>
      <dl class="facts">
        <dt>{w().code}</dt><dd><code>{job.error!.code}</code></dd>
        <dt>{w().todo}</dt><dd>{adviceOn(job)}</dd>
      </dl>
    </section>
  );
}

function Result({ job, result }: { job: Job; result: NonNullable<Job["result"]> }) {
  const short = space.value!.short;
  return (
    <section class="card">
      <h2>{w().result}</h2>
      <dl class="facts">
        <dt>{w().treated}</dt><dd>{number(result.count)} ({size(result.size)})</dd>
        <dt>{w().left}</dt><dd>{number(result.failed)}</dd>
      </dl>
      {result.failed > 0 && (
        <a class="button" href={errorsUrl(job.id, short)} download><Icon name="download" size={18} /> <span>{w().errors}</span></a>
      )}
      {result.file && (
        <a class="button" href={contentUrl(result.file, short)} download><Icon name="download" size={18} /> <span>{w().made_file}</span></a>
      )}
    </section>
  );
}

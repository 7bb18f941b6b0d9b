// The table of jobs, newest first.
import { get, may, space } from "../core/api";
import { usePaged } from "../core/listing";
import { useHappenings } from "../core/live";
import { address, ask, go, place } from "../core/places";
import { when } from "../core/words";
import { Select } from "../parts/fields";
import { Icon } from "../parts/icons";
import { type Choice, Menu } from "../parts/menus";
import { Empty, Loading, Problem } from "../parts/states";
import { type Column, Table } from "../parts/tables";
import { type Job, KINDS, STATES, isUnderWay, kindOf, mayCancel, stateOf } from "./model";
import { HowFar, StateBadge, askToCancel, useWatching } from "./parts";
import { w } from "./words";

export function JobList() {
  const state = place.value.query.get("state") ?? "";
  const kind = place.value.query.get("kind") ?? "";
  const { list, refresh } = usePaged<Job>(
    async (cursor, signal) => {
      const page = await get<{ jobs: Job[]; next: string | null }>("/jobs", { state, kind, limit: 200, cursor }, { signal });
      return { rows: page.jobs, next: page.next };
    },
    [space.value?.short, state, kind],
  );
  list?.version.value;
  useHappenings(["job."], refresh);
  useWatching(!!list?.rows.some(isUnderWay), refresh);

  const to = (job: Job) => address([job.kind === "import" && may("manager") ? "imports" : "jobs", job.id]);
  const choices = (job: Job): Choice[] => [
    { label: w().details, icon: "info", onChoose: () => go(to(job)) },
    { label: w().cancel, icon: "close", danger: true, apart: true, disabled: !mayCancel(job), onChoose: () => askToCancel(job, refresh) },
  ];
  const columns: Column<Job>[] = [
    { key: "what", title: w().what, opens: true, width: "minmax(10rem, 1fr)", cell: (job) => <span class="strong cut">{kindOf(job)}</span> },
    { key: "state", title: w().state, width: "7rem", cell: (job) => <StateBadge job={job} /> },
    { key: "progress", title: w().progress, width: "minmax(9rem, 14rem)", hide: 2, cell: (job) => <HowFar job={job} /> },
    { key: "made", title: w().made, width: "8rem", right: true, hide: 2, cell: (job) => when(job.created_at) },
    { key: "ended", title: w().ended, width: "8rem", right: true, hide: 1, cell: (job) => when(job.ended_at) },
    {
      key: "more",
      title: w().actions,
      hideTitle: true,
      width: "3.25rem",
      right: true,
      cell: (job) => <Menu label={w().actionsFor(kindOf(job))} choices={choices(job)}><Icon name="more" /></Menu>,
    },
  ];

  return (
    <div class="page full">
      <header class="page-head">
        <h1>{w().title}</h1>
        <p class="lead">{w().lead}</p>
      </header>
      <div class="form row job-filters">
        <Select label={w().state} value={state} onChange={(chosen) => ask({ state: chosen || undefined })}
          options={[["", w().all], ...STATES.map((each) => [each as string, stateOf(each)] as const)]} />
        <Select label={w().kind} value={kind} onChange={(chosen) => ask({ kind: chosen || undefined })}
          options={[["", w().allKinds], ...KINDS.map((each) => [each as string, kindOf({ kind: each })] as const)]} />
      </div>
      {list?.error.value && !list.rows.length ? <Problem error={list.error.value} onRetry={list.retry} />
        : !list?.ready.value ? <Loading />
        : !list.count.value
          ? <Empty icon="job" title={state || kind ? w().noneOf : w().none}>{state || kind ? null : w().noneText}</Empty>
          : (
            <div class="list">
              <Table<Job> label={w().title} columns={columns} count={list.count.value} row={list.at}
                id={(job) => job.id} name={kindOf} onNeed={list.need} to={to} />
            </div>
          )}
    </div>
  );
}

// What the list of jobs and the page of one have in common.
import { useEffect, useRef } from "preact/hooks";
import { confirm } from "../parts/dialogs";
import { notify } from "../parts/notices";
import { Badge, Progress } from "../parts/states";
import { type Job, TONES, cancel, kindOf, stateOf } from "./model";
import { w } from "./words";

const LOOKS = 1500;

/** Call `look` every now and then while something is under way and the tab is seen. */
export function useWatching(isUnderWay: boolean, look: () => Promise<unknown> | unknown): void {
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    if (!isUnderWay) return;
    let timer = 0;
    let over = false;
    const again = () => {
      timer = window.setTimeout(async () => {
        if (document.visibilityState === "visible") await latest.current();
        if (!over) again();
      }, LOOKS);
    };
    again();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [isUnderWay]);
}

export function StateBadge({ job }: { job: Pick<Job, "state"> }) {
  return <Badge {...(TONES[job.state] ? { tone: TONES[job.state]! } : {})}>{stateOf(job.state)}</Badge>;
}

/** How far it is, as a bar while it runs and in figures. */
export function HowFar({ job }: { job: Job }) {
  const { done, total } = job.progress;
  if (job.state === "queued") return <span class="quiet">{w().waits}</span>;
  if (job.state !== "running") return total === null && !done ? <>–</> : <>{w().of(done, total)}</>;
  return (
    <span class="how-far">
      <Progress label={w().progressOf(kindOf(job))} done={done} total={total} />
      <span class="small quiet">{w().of(done, total)}</span>
    </span>
  );
}

export function askToCancel(job: Job, after: (job: Job) => void): void {
  confirm(w().cancelTitle(kindOf(job)), w().cancelText, w().cancelAction, async () => {
    after(await cancel(job.id));
    notify(w().cancelled);
  });
}

/** How long it took, in words. */
export function lasted(job: Job): string {
  if (!job.started_at || !job.ended_at) return "–";
  const seconds = Math.max(0, Math.round((Date.parse(job.ended_at) - Date.parse(job.started_at)) / 1000));
  if (seconds < 120) return w().seconds(seconds);
  if (seconds < 7200) return w().minutes(Math.round(seconds / 60));
  return w().hours(Math.round(seconds / 3600));
}

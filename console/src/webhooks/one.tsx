// One webhook: what it is, what was sent to it, and sending it again.
import { useEffect } from "preact/hooks";
import { del, get, patch, post } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, ask, go, place } from "../core/places";
import { moment, when } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { Dialog, FormDialog, confirm, open } from "../parts/dialogs";
import { Listed, useListing } from "../parts/lists";
import { complain, notify } from "../parts/notices";
import { Badge, Loading, Problem } from "../parts/states";
import { showOnce } from "../admin/secret";
import { Form, State, type Webhook } from "./area";
import { states, w } from "./words";

interface Delivery {
  id: string;
  message: string;
  event: string;
  state: "pending" | "paused" | "delivered" | "failed";
  attempts: number;
  next_at: string | null;
  created_at: string;
  attempted_at: string | null;
  status: number | null;
  error: string | null;
  response: string | null;
  duration: number | null;
  payload?: unknown;
}

const STATES = ["pending", "paused", "delivered", "failed"] as const;
const LOOK_AGAIN = 1500;
/** What is sent later than in so many milliseconds is not waited for. */
const SOON = 60_000;

export function OneWebhook({ id }: { id: string }) {
  const path = `/webhooks/${encodeURIComponent(id)}`;
  const found = useLoaded((signal) => get<Webhook>(path, {}, { signal }), [path]);
  const is = found.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="cut">{is?.name ?? w().title}</h1>
        {is && <Button icon="edit" onClick={() => open(<Form of={is} after={found.reload} />)}>{w().edit}</Button>}
        <p class="lead"><Link to={address(["webhooks"])}>{w().all}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !is ? <Loading /> : (
        <>
          <Facts of={is} path={path} after={found.reload} />
          <Log path={path} after={found.reload} />
        </>
      )}
    </div>
  );
}

function Facts({ of, path, after }: { of: Webhook; path: string; after: () => void }) {
  const rotate = async () => {
    const { secret } = await post<Webhook>(`${path}/rotate`, {});
    after();
    showOnce(w().secretTitle, secret!);
  };
  return (
    <section class="card">
      <dl class="facts">
        <dt>{w().state}</dt><dd><State of={of} /> {of.reason}</dd>
        <dt>{w().url}</dt><dd>{of.url}</dd>
        <dt>{w().events}</dt><dd>{of.events.join(" ")}</dd>
        {of.types.length > 0 && <><dt>{w().types}</dt><dd>{of.types.join(" ")}</dd></>}
        <dt>{w().last}</dt><dd>{of.succeeded_at ? moment(of.succeeded_at) : w().never}</dd>
        <dt>{w().failed}</dt><dd>{of.failed_at ? moment(of.failed_at) : w().never}</dd>
        {of.old_secret_until && <><dt>{w().oldSecret}</dt><dd>{moment(of.old_secret_until)}</dd></>}
        <dt>{w().made}</dt><dd>{moment(of.created_at)}</dd>
      </dl>
      <div class="card-actions">
        {of.active ? <Button icon="pause" onClick={() => void patch(path, { active: false }).then(after, complain)}>{w().disable}</Button>
          : <Button icon="play" onClick={() => void patch(path, { active: true }).then(after, complain)}>{w().enable}</Button>}
        <Button
          icon="key"
          onClick={() =>
            open(<FormDialog title={w().rotateTitle} action={w().rotate} onSubmit={rotate}><p>{w().rotateText}</p></FormDialog>)}
        >
          {w().rotate}
        </Button>
        <Button
          icon="trash"
          onClick={() =>
            confirm(w().removeTitle(of.name), w().removeText, w().remove, async () => {
              await del(path);
              go(address(["webhooks"]), true);
            })}
        >
          {w().remove}
        </Button>
      </div>
    </section>
  );
}

function Log({ path, after }: { path: string; after: () => void }) {
  const state = place.value.query.get("state") ?? undefined;
  const found = useListing<Delivery>(`${path}/deliveries`, "deliveries", { state });
  const again = () => {
    found.reload();
    after();
  };
  void found.list.version.value;
  const soon = found.list.rows.some((each) => each.state === "pending" && (!each.next_at || Date.parse(each.next_at) - Date.now() < SOON));
  useEffect(() => {
    if (!soon) return;
    const timer = setTimeout(again, LOOK_AGAIN);
    return () => clearTimeout(timer);
  }, [soon, found.list]);
  const ping = () => post(`${path}/ping`).then(() => { notify(w().pinged); again(); }, complain);
  return (
    <section class="card">
      <header class="card-title">
        <h2>{w().log}</h2>
        <select
          class="input slim"
          aria-label={w().which}
          value={state ?? ""}
          onChange={(event) => ask({ state: event.currentTarget.value || undefined })}
        >
          <option value="">{w().any}</option>
          {STATES.map((each) => <option key={each} value={each}>{states()[each]}</option>)}
        </select>
        <Button onClick={() => void ping()}>{w().ping}</Button>
      </header>
      <Listed
        label={w().log}
        of={found}
        id={(row) => row.id}
        empty={<p class="quiet">{w().noLog}</p>}
        columns={[
          { key: "event", title: w().event, cell: (row) => row.event },
          { key: "state", title: w().state, cell: (row) => <DeliveryState of={row} /> },
          {
            key: "answer",
            title: w().answer,
            cell: (row) => <span class="two">{row.status ?? "–"}{row.error && <small>{row.error}</small>}</span>,
          },
          { key: "at", title: w().at, cell: (row) => <span title={moment(row.created_at)}>{when(row.created_at)}</span> },
          {
            key: "look",
            cell: (row) => (
              <Button kind="quiet" onClick={() => open(<Details path={`${path}/deliveries/${row.id}`} after={again} />)}>
                {w().show}<span class="unseen"> {row.event}</span>
              </Button>
            ),
          },
        ]}
      />
    </section>
  );
}

function DeliveryState({ of }: { of: Delivery }) {
  const tone = of.state === "delivered" ? "good" : of.state === "failed" ? "bad" : "warm";
  return <><Badge tone={tone}>{states()[of.state]}</Badge> <span class="quiet small">{w().attempts(of.attempts)}</span></>;
}

function Details({ path, after }: { path: string; after: () => void }) {
  const found = useLoaded((signal) => get<Delivery>(path, {}, { signal }), [path]);
  const is = found.value;
  const replay = () => post(`${path}/replay`).then(() => { notify(w().replayed); found.reload(); after(); }, complain);
  return (
    <Dialog
      wide
      title={is ? w().look(is.event) : w().log}
      footer={is && <Button icon="refresh" onClick={() => void replay()}>{w().replay}</Button>}
    >
      {found.error ? <Problem error={found.error} /> : !is ? <Loading /> : (
        <>
          <dl class="facts">
            <dt>{w().state}</dt><dd><DeliveryState of={is} /></dd>
            <dt>{w().message}</dt><dd class="mono">{is.message}</dd>
            <dt>{w().at}</dt><dd>{moment(is.created_at)}</dd>
            {is.next_at && <><dt>{w().next}</dt><dd>{moment(is.next_at)}</dd></>}
            <dt>{w().answer}</dt>
            <dd>{[is.status, is.error, is.duration != null && w().duration(is.duration)].filter(Boolean).join(" · ") || "–"}</dd>
          </dl>
          <h3>{w().payload}</h3>
          <pre class="payload" tabIndex={0} aria-label={w().payload}>{JSON.stringify(is.payload, null, 2)}</pre>
          {is.response && <><h3>{w().response}</h3><pre class="payload" tabIndex={0} aria-label={w().response}>{is.response}</pre></>}
        </>
      )}
    </Dialog>
  );
}

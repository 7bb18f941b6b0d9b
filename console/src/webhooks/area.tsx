// The webhooks of the space.
import { useState } from "preact/hooks";
import { patch, post } from "../core/api";
import { address, place } from "../core/places";
import { moment, when } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { FormDialog, open } from "../parts/dialogs";
import { Select, TextField } from "../parts/fields";
import { Listed, useListing } from "../parts/lists";
import { Badge, Empty } from "../parts/states";
import { showOnce } from "../admin/secret";
import { OneWebhook } from "./one";
import { w } from "./words";

export interface Webhook {
  id: number;
  name: string;
  url: string;
  events: string[];
  types: string[];
  on_failure: "refuse" | "allow";
  active: boolean;
  reason: string | null;
  old_secret_until: string | null;
  created_at: string;
  succeeded_at: string | null;
  failed_at: string | null;
  secret?: string;
}

export default function Webhooks() {
  const one = place.value.rest[0];
  return one ? <OneWebhook key={one} id={one} /> : <All />;
}

function All() {
  const found = useListing<Webhook>("/webhooks", "webhooks");
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button kind="main" icon="plus" onClick={() => open(<Form after={found.reload} />)}>{w().make}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      <Listed
        label={w().title}
        of={found}
        id={(row) => row.id}
        empty={<Empty icon="hook" title={w().none}><p>{w().noneText}</p></Empty>}
        columns={[
          {
            key: "name",
            title: w().name,
            cell: (row) => (
              <span class="two"><Link to={address(["webhooks", String(row.id)])}>{row.name}</Link><small>{row.url}</small></span>
            ),
          },
          { key: "events", title: w().events, cell: (row) => row.events.join(" ") },
          { key: "state", title: w().state, cell: (row) => <State of={row} /> },
          {
            key: "last",
            title: w().last,
            cell: (row) => (row.succeeded_at ? <span title={moment(row.succeeded_at)}>{when(row.succeeded_at)}</span> : w().never),
          },
        ]}
      />
    </div>
  );
}

export function State({ of }: { of: Webhook }) {
  return of.active ? <Badge tone="good">{w().active}</Badge> : <Badge tone="bad">{w().off}</Badge>;
}

const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** Make a webhook, or change one. */
export function Form({ of, after }: { of?: Webhook; after: () => void }) {
  const [name, setName] = useState(of?.name ?? "");
  const [url, setUrl] = useState(of?.url ?? "https://");
  const [events, setEvents] = useState(of?.events.join(" ") ?? "file.*");
  const [types, setTypes] = useState(of?.types.join(" ") ?? "");
  const [failing, setFailing] = useState<Webhook["on_failure"]>(of?.on_failure ?? "refuse");
  const asks = words(events).some((each) => each.startsWith("pre_"));
  const submit = async () => {
    const body = { name: name.trim(), url: url.trim(), events: words(events), types: words(types), on_failure: failing };
    if (of) await patch(`/webhooks/${of.id}`, body);
    else {
      const { secret } = await post<Webhook>("/webhooks", body);
      showOnce(w().secretTitle, secret!);
    }
    after();
  };
  return (
    <FormDialog
      title={of ? w().editTitle(of.name) : w().make}
      action={of ? w().save : w().makeAction}
      disabled={!name.trim() || !words(events).length}
      onSubmit={submit}
    >
      <TextField label={w().name} hint={w().nameHint} value={name} onInput={setName} required focus maxLength={64} />
      <TextField label={w().url} type="url" value={url} onInput={setUrl} required maxLength={2048} />
      <TextField label={w().events} hint={w().eventsHint} value={events} onInput={setEvents} required />
      <TextField label={w().types} hint={w().typesHint} value={types} onInput={setTypes} />
      {asks && (
        <Select label={w().failing} value={failing} options={[["refuse", w().refuse], ["allow", w().allow]]} onChange={setFailing} />
      )}
    </FormDialog>
  );
}

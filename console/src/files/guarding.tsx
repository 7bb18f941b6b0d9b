// What an administrator may put on a file so that nobody deletes or replaces it: a legal hold, a retention.
import { useState } from "preact/hooks";
import { del, get, put } from "../core/api";
import { useLoaded } from "../core/loading";
import { moment, words } from "../core/words";
import { Button } from "../parts/buttons";
import { FormDialog, confirm, open } from "../parts/dialogs";
import { TextArea, TextField } from "../parts/fields";
import { notify } from "../parts/notices";
import type { File } from "./model";

const w = words(
  {
    title: "Protection",
    none: "Whoever may write can delete and replace this file.",
    held: "Legal hold",
    retained: "Retained until",
    hold: "Legal hold …",
    holdTitle: (name: string) => `Legal hold on ${name}`,
    holdText: "Until it is lifted nobody can delete, replace or change the file.",
    reason: "Reason",
    holdAction: "Put the hold",
    lift: "Lift the hold",
    liftText: (name: string) => `${name} can be deleted again, unless something else protects it. The audit trail remembers the hold.`,
    retain: "Retention …",
    prolong: "Prolong the retention …",
    retainTitle: (name: string) => `Retention of ${name}`,
    retainText: "Until that day nobody can delete or replace the file. A retention can be prolonged, not shortened.",
    until: "Until",
    retainAction: "Protect",
    done: "The protection is changed.",
    confined: "Its bytes are quarantined: nobody gets them, whatever file they are in, and they are refused when they come again.",
    corrupt: "Its bytes are damaged, and are not served.",
    confine: "Quarantine …",
    confineTitle: (name: string) => `Quarantine ${name}`,
    confineText: "Nobody can open or download these bytes any more, in this file or in any other of the space. It can be ended.",
    confineAction: "Quarantine",
    clear: "End the quarantine",
    clearText: (name: string) => `Everybody who may see ${name} gets its bytes again.`,
  },
  {
    title: "Protection",
    none: "Quiconque a le droit d’écrire peut supprimer et remplacer ce fichier.",
    held: "Gel juridique",
    retained: "Conservé jusqu’au",
    hold: "Gel juridique…",
    holdTitle: (name: string) => `Gel juridique de ${name}`,
    holdText: "Tant qu’il n’est pas levé, personne ne peut supprimer, remplacer ni modifier le fichier.",
    reason: "Motif",
    holdAction: "Geler",
    lift: "Lever le gel",
    liftText: (name: string) => `${name} pourra de nouveau être supprimé, sauf si autre chose le protège. Le journal d’audit garde la trace du gel.`,
    retain: "Conservation…",
    prolong: "Prolonger la conservation…",
    retainTitle: (name: string) => `Conservation de ${name}`,
    retainText: "Jusqu’à ce jour, personne ne peut supprimer ni remplacer le fichier. Une conservation peut être prolongée, pas raccourcie.",
    until: "Jusqu’au",
    retainAction: "Protéger",
    done: "La protection est modifiée.",
    confined: "Ses octets sont en quarantaine : personne ne les obtient, quel que soit le fichier, et ils sont refusés s’ils reviennent.",
    corrupt: "Ses octets sont endommagés et ne sont pas servis.",
    confine: "Quarantaine…",
    confineTitle: (name: string) => `Mettre ${name} en quarantaine`,
    confineText: "Plus personne ne peut ouvrir ni télécharger ces octets, dans ce fichier ni dans aucun autre de l’espace. On peut y mettre fin.",
    confineAction: "Mettre en quarantaine",
    clear: "Mettre fin à la quarantaine",
    clearText: (name: string) => `Tous ceux qui peuvent voir ${name} obtiennent de nouveau ses octets.`,
  },
);

export function Guarding({ file, after }: { file: File; after: () => void }) {
  const bytes = useLoaded((signal) => get<{ state: "live" | "quarantined" | "corrupt" }>(`/files/${file.id}/quarantine`, {}, { signal }), [file.id, file.version]);
  const state = bytes.value?.state;
  const done = () => {
    notify(w().done);
    bytes.reload();
    after();
  };
  return (
    <section>
      <h3>{w().title}</h3>
      {file.hold_reason || file.retain_until ? (
        <dl class="facts">
          {file.hold_reason && <><dt>{w().held}</dt><dd>{file.hold_reason}</dd></>}
          {file.retain_until && <><dt>{w().retained}</dt><dd>{moment(file.retain_until)}</dd></>}
        </dl>
      ) : <p class="quiet small">{w().none}</p>}
      {state === "quarantined" && <p class="problem">{w().confined}</p>}
      {state === "corrupt" && <p class="problem">{w().corrupt}</p>}
      <div class="card-actions">
        {file.hold_reason ? (
          <Button
            icon="lock"
            onClick={() =>
              confirm(w().lift, w().liftText(file.name), w().lift, async () => {
                await del(`/files/${file.id}/hold`);
                done();
              })}
          >
            {w().lift}
          </Button>
        ) : <Button icon="lock" onClick={() => open(<Hold file={file} after={done} />)}>{w().hold}</Button>}
        <Button icon="job" onClick={() => open(<Retain file={file} after={done} />)}>
          {file.retain_until ? w().prolong : w().retain}
        </Button>
        {state === "live" && <Button icon="warning" onClick={() => open(<Confine file={file} after={done} />)}>{w().confine}</Button>}
        {state === "quarantined" && (
          <Button
            icon="restore"
            onClick={() =>
              confirm(w().clear, w().clearText(file.name), w().clear, async () => {
                await del(`/files/${file.id}/quarantine`);
                done();
              })}
          >
            {w().clear}
          </Button>
        )}
      </div>
    </section>
  );
}

function Hold({ file, after }: { file: File; after: () => void }) {
  const [reason, setReason] = useState("");
  const submit = async () => {
    await put(`/files/${file.id}/hold`, { reason: reason.trim() });
    after();
  };
  return (
    <FormDialog title={w().holdTitle(file.name)} action={w().holdAction} disabled={!reason.trim()} onSubmit={submit}>
      <p>{w().holdText}</p>
      <TextArea label={w().reason} value={reason} onInput={setReason} required rows={3} />
    </FormDialog>
  );
}

function Confine({ file, after }: { file: File; after: () => void }) {
  const [reason, setReason] = useState("");
  const submit = async () => {
    await put(`/files/${file.id}/quarantine`, { reason: reason.trim() });
    after();
  };
  return (
    <FormDialog title={w().confineTitle(file.name)} action={w().confineAction} danger disabled={!reason.trim()} onSubmit={submit}>
      <p>{w().confineText}</p>
      <TextArea label={w().reason} value={reason} onInput={setReason} required rows={3} />
    </FormDialog>
  );
}

function Retain({ file, after }: { file: File; after: () => void }) {
  const [until, setUntil] = useState((file.retain_until ?? "").slice(0, 10));
  const submit = async () => {
    // The whole day counts, wherever the server is.
    await put(`/files/${file.id}/retention`, { until: new Date(`${until}T23:59:59`).toISOString() });
    after();
  };
  return (
    <FormDialog title={w().retainTitle(file.name)} action={w().retainAction} disabled={!until} onSubmit={submit}>
      <p>{w().retainText}</p>
      <TextField label={w().until} type="date" value={until} onInput={setUntil} required />
    </FormDialog>
  );
}

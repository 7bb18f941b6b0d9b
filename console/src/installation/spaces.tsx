// All spaces of the installation, for operators; and those that were deleted.
import { useState } from "preact/hooks";
import { post, whoAmI } from "../core/api";
import { address, ask, go, place } from "../core/places";
import { moment, number, size, when, words } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { FormDialog, open } from "../parts/dialogs";
import { TextField } from "../parts/fields";
import { Listed, useListing } from "../parts/lists";
import { complain } from "../parts/notices";
import { Badge } from "../parts/states";
import { Bar, type Usage, badSize, parseSize } from "../admin/room";
import type { Administered } from "../admin/space";
import { OneSpace } from "./one";

const w = words(
  {
    title: "Spaces",
    lead: "Each space has its own files, members and quota, and none sees another’s.",
    make: "New space",
    makeAction: "Make the space",
    short: "Short name",
    shortHint: "Small letters, digits, - and _; it stands in addresses and stays for ever.",
    name: "Name",
    owner: "First administrator",
    ownerHint: "E-mail or user name; left empty, you.",
    quota: "Quota",
    full: "Full",
    used: "Used",
    pages: "Pages (OCR)",
    present: "Present",
    deleted: "Deleted",
    none: "There is none.",
    which: "Which spaces",
    gone: "Deleted",
    clearing: "Cleared",
    waits: (at: string) => `from ${at}`,
    cleared: "done",
    restore: "Restore",
    limitless: "no limit",
  },
  {
    title: "Espaces",
    lead: "Chaque espace a ses fichiers, ses membres et son quota, et aucun ne voit ceux d’un autre.",
    make: "Nouvel espace",
    makeAction: "Créer l’espace",
    short: "Nom court",
    shortHint: "Minuscules, chiffres, - et _ ; il figure dans les adresses et ne change plus.",
    name: "Nom",
    owner: "Premier administrateur",
    ownerHint: "E-mail ou identifiant ; vide : vous.",
    quota: "Quota",
    full: "Remplissage",
    used: "Utilisé",
    pages: "Pages (OCR)",
    present: "Existants",
    deleted: "Supprimés",
    none: "Il n’y en a pas.",
    which: "Quels espaces",
    gone: "Supprimé",
    clearing: "Vidé",
    waits: (at: string) => `à partir du ${at}`,
    cleared: "terminé",
    restore: "Rétablir",
    limitless: "sans limite",
  },
);

interface Counted extends Administered {
  usage: Usage;
}

interface Deleted extends Administered {
  deleted_at: string;
  clearing: { at: string; state: string; done: number; total: number | null } | null;
}

export default function Spaces() {
  const { rest, query } = place.value;
  if (rest[0]) return <OneSpace key={rest[0]} short={rest[0]} />;
  const deleted = query.get("of") === "deleted";
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <select
          class="input slim"
          aria-label={w().which}
          value={deleted ? "deleted" : "present"}
          onChange={(event) => ask({ of: event.currentTarget.value === "deleted" ? "deleted" : undefined })}
        >
          <option value="present">{w().present}</option>
          <option value="deleted">{w().deleted}</option>
        </select>
        <Button kind="main" icon="plus" onClick={() => open(<Make />)}>{w().make}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      {deleted ? <Gone /> : <Present />}
    </div>
  );
}

function Present() {
  const found = useListing<Counted>("/spaces", "spaces");
  return (
    <Listed
      label={w().title}
      of={found}
      id={(row) => row.id}
      empty={<p class="quiet">{w().none}</p>}
      columns={[
        {
          key: "name",
          title: w().name,
          cell: (row) => (
            <span class="two">
              <Link to={address(["spaces", row.short])}>{row.name || row.short}</Link>
              <small class="mono">{row.short}</small>
            </span>
          ),
        },
        { key: "bar", title: w().full, cell: (row) => <Bar of={row.usage} slim /> },
        { key: "used", title: w().used, right: true, cell: (row) => size(row.usage.used) },
        { key: "quota", title: w().quota, right: true, cell: (row) => (row.usage.quota === null ? w().limitless : size(row.usage.quota)) },
        { key: "pages", title: w().pages, right: true, cell: (row) => number(row.usage.ocr_credits) },
      ]}
    />
  );
}

function Gone() {
  const found = useListing<Deleted>("/spaces", "spaces", { deleted: true });
  const restore = (row: Deleted) =>
    post(`/spaces/${row.short}/restore`, undefined, { space: null })
      .then(() => { found.reload(); return whoAmI(); })
      .catch(complain);
  return (
    <Listed
      label={w().deleted}
      of={found}
      id={(row) => row.id}
      empty={<p class="quiet">{w().none}</p>}
      columns={[
        { key: "name", title: w().name, cell: (row) => <span class="two">{row.name || row.short}<small class="mono">{row.short}</small></span> },
        { key: "gone", title: w().gone, cell: (row) => <span title={moment(row.deleted_at)}>{when(row.deleted_at)}</span> },
        {
          key: "clearing",
          title: w().clearing,
          cell: (row) =>
            !row.clearing ? <Badge>{w().cleared}</Badge>
              : row.clearing.state === "queued" ? w().waits(moment(row.clearing.at))
              : <Badge tone="warm">{row.clearing.state} {number(row.clearing.done)}</Badge>,
        },
        {
          key: "restore",
          cell: (row) => row.clearing?.state === "queued" && <Button icon="restore" onClick={() => void restore(row)}>{w().restore}</Button>,
        },
      ]}
    />
  );
}

function Make() {
  const [short, setShort] = useState("");
  const [name, setName] = useState("");
  const [owner, setOwner] = useState("");
  const [quota, setQuota] = useState("");
  const bytes = parseSize(quota);
  const submit = async () => {
    await post("/spaces", {
      short,
      name: name.trim() || short,
      ...(bytes == null ? {} : { quota: bytes }),
      ...(owner.trim() ? { owner: owner.trim() } : {}),
    }, { space: null });
    await whoAmI();
    go(address(["spaces", short]));
  };
  return (
    <FormDialog title={w().make} action={w().makeAction} disabled={!short || bytes === undefined} onSubmit={submit}>
      <TextField label={w().short} hint={w().shortHint} value={short} onInput={setShort} required focus maxLength={63} />
      <TextField label={w().name} value={name} onInput={setName} maxLength={256} />
      <TextField label={w().owner} hint={w().ownerHint} value={owner} onInput={setOwner} maxLength={320} />
      <TextField label={w().quota} hint={badSize()} value={quota} onInput={setQuota} placeholder="10 GB" />
    </FormDialog>
  );
}

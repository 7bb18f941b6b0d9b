// Keys of programs: one's own, and for administrators all that are bound to the space.
import { useState } from "preact/hooks";
import { del, get, may, post, space, spaces } from "../core/api";
import { useLoaded } from "../core/loading";
import { ask, place } from "../core/places";
import { moment, when, words } from "../core/words";
import { Button, IconButton } from "../parts/buttons";
import { FormDialog, confirm, open } from "../parts/dialogs";
import { Checkbox, Select, TextField } from "../parts/fields";
import { Rows } from "../parts/lists";
import { Badge, Empty, Loading, Problem } from "../parts/states";
import { useNames } from "./people";
import { showOnce } from "./secret";

const w = words(
  {
    title: "Keys",
    lead: "A key lets a program act in your name. It never may more than you, and ends as soon as it is revoked.",
    make: "New key",
    makeAction: "Make the key",
    made: "The new key",
    mine: "My own keys",
    all: "All keys of this space",
    which: "Which keys",
    name: "Name",
    nameHint: "What it is for, so that you know it again.",
    ends: "Ends in",
    endsAt: "Ends",
    never: "never",
    days: (n: number) => `${n} days`,
    bound: "Only for this space",
    reading: "Only for reading",
    good: "Good for",
    every: "all my spaces",
    another: "another space",
    owner: "Owner",
    user: (n: number) => `User ${n}`,
    made_at: "Made",
    expired: "expired",
    none: "No keys yet",
    noneText: "Make one for each program, so that each can be revoked alone.",
    revoke: (name: string) => `Revoke ${name}`,
    revokeText: "Programs that use it are refused from now on. This cannot be undone.",
    revokeAction: "Revoke",
  },
  {
    title: "Clés",
    lead: "Une clé permet à un programme d’agir en votre nom. Elle n’a jamais plus de droits que vous, et ne vaut plus rien une fois révoquée.",
    make: "Nouvelle clé",
    makeAction: "Créer la clé",
    made: "La nouvelle clé",
    mine: "Mes propres clés",
    all: "Toutes les clés de cet espace",
    which: "Quelles clés",
    name: "Nom",
    nameHint: "À quoi elle sert, pour la reconnaître.",
    ends: "Expire dans",
    endsAt: "Expire",
    never: "jamais",
    days: (n: number) => `${n} jours`,
    bound: "Seulement pour cet espace",
    reading: "Seulement en lecture",
    good: "Valable pour",
    every: "tous mes espaces",
    another: "un autre espace",
    owner: "Propriétaire",
    user: (n: number) => `Utilisateur ${n}`,
    made_at: "Créée",
    expired: "expirée",
    none: "Aucune clé",
    noneText: "Créez-en une par programme, afin de pouvoir révoquer chacune séparément.",
    revoke: (name: string) => `Révoquer ${name}`,
    revokeText: "Les programmes qui l’utilisent seront refusés dès maintenant. C’est irréversible.",
    revokeAction: "Révoquer",
  },
);

interface Key {
  id: string;
  name: string;
  user: number;
  space: number | null;
  methods: string[] | null;
  hint: string;
  created_at: string;
  expires_at: string | null;
  key?: string;
}

export default function Keys() {
  const all = may("admin") && place.value.query.get("of") === "space";
  const found = useLoaded((signal) => get<{ keys: Key[] }>("/keys", { all }, { signal }), [all]);
  const nameOf = useNames(all);
  const make = <Button kind="main" icon="plus" onClick={() => open(<Make after={found.reload} />)}>{w().make}</Button>;
  const keys = found.value?.keys;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        {may("admin") && (
          <select
            class="input slim"
            aria-label={w().which}
            value={all ? "space" : "mine"}
            onChange={(event) => ask({ of: event.currentTarget.value === "space" ? "space" : undefined })}
          >
            <option value="mine">{w().mine}</option>
            <option value="space">{w().all}</option>
          </select>
        )}
        {make}
        <p class="lead">{w().lead}</p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} />
        : !keys ? <Loading />
        : !keys.length ? <Empty icon="key" title={w().none}><p>{w().noneText}</p></Empty>
        : (
          <Rows
            label={w().title}
            rows={keys}
            id={(key) => key.id}
            columns={[
              { key: "name", title: w().name, cell: (key) => <span class="two">{key.name || "–"}<small class="mono">…{key.hint}</small></span> },
              ...(all ? [{ key: "owner", title: w().owner, cell: (key: Key) => nameOf(key.user) ?? w().user(key.user) }] : []),
              { key: "good", title: w().good, cell: (key) => <Reach of={key} /> },
              { key: "made", title: w().made_at, cell: (key) => <span title={moment(key.created_at)}>{when(key.created_at)}</span> },
              { key: "ends", title: w().endsAt, cell: (key) => <End of={key} /> },
              {
                key: "revoke",
                cell: (key) => (
                  <IconButton
                    icon="trash"
                    label={w().revoke(key.name || key.hint)}
                    onClick={() =>
                      confirm(w().revoke(key.name || key.hint), w().revokeText, w().revokeAction, async () => {
                        await del(`/keys/${key.id}`);
                        found.reload();
                      })
                    }
                  />
                ),
              },
            ]}
          />
        )}
    </div>
  );
}

function Reach({ of }: { of: Key }) {
  const bound = spaces.value.find((each) => each.id === of.space);
  return (
    <>
      {of.space === null ? w().every : bound ? bound.name || bound.short : w().another}{" "}
      {of.methods && <Badge>{of.methods.join(", ")}</Badge>}
    </>
  );
}

function End({ of }: { of: Key }) {
  if (!of.expires_at) return <>{w().never}</>;
  if (new Date(of.expires_at) < new Date()) return <Badge tone="bad">{w().expired}</Badge>;
  return <span title={moment(of.expires_at)}>{when(of.expires_at)}</span>;
}

const LIVES = ["", "30", "90", "365"] as const;

function Make({ after }: { after: () => void }) {
  const [name, setName] = useState("");
  const [life, setLife] = useState<(typeof LIVES)[number]>("365");
  const [bound, setBound] = useState(true);
  const [reading, setReading] = useState(false);
  const submit = async () => {
    const made = await post<Key>("/keys", {
      name: name.trim(),
      space: bound ? space.value!.short : null,
      methods: reading ? ["GET"] : null,
      expires_in: life ? Number(life) * 86_400 : null,
    });
    after();
    showOnce(w().made, made.key!);
  };
  return (
    <FormDialog title={w().make} action={w().makeAction} disabled={!name.trim()} onSubmit={submit}>
      <TextField label={w().name} hint={w().nameHint} value={name} onInput={setName} required focus maxLength={256} />
      <Select
        label={w().ends}
        value={life}
        options={LIVES.map((each) => [each, each ? w().days(Number(each)) : w().never] as const)}
        onChange={setLife}
      />
      <Checkbox label={w().bound} checked={bound} onChange={setBound} />
      <Checkbox label={w().reading} checked={reading} onChange={setReading} />
    </FormDialog>
  );
}

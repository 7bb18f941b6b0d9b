// The groups of the space, which the rules of record types and records name.
import { useState } from "preact/hooks";
import { del, get, put, space } from "../core/api";
import { useLoaded } from "../core/loading";
import { plural, words } from "../core/words";
import { Button, IconButton } from "../parts/buttons";
import { FormDialog, confirm, open } from "../parts/dialogs";
import { Checkbox, TextField } from "../parts/fields";
import { Rows } from "../parts/lists";
import { Loading, Problem } from "../parts/states";

const w = words(
  {
    title: "Groups",
    lead: "Record types and records may be open to some groups only. A group without members is none.",
    make: "New group",
    name: "Name",
    nameHint: "It stays; rules name it as group:name.",
    members: "Members",
    count: (n: number) => plural(n, "member", "members"),
    none: "No groups yet.",
    change: (name: string) => `Change ${name}`,
    save: "Save",
    remove: (name: string) => `Delete ${name}`,
    removeText: (name: string) => `What only ${name} may see is seen by nobody but administrators then, unless another rule lets them.`,
    removeAction: "Delete",
  },
  {
    title: "Groupes",
    lead: "Des types de fiches et des fiches peuvent n’être ouverts qu’à certains groupes. Un groupe sans membre n’existe pas.",
    make: "Nouveau groupe",
    name: "Nom",
    nameHint: "Il ne change plus ; les règles le nomment group:nom.",
    members: "Membres",
    count: (n: number) => plural(n, "membre", "membres"),
    none: "Aucun groupe pour l’instant.",
    change: (name: string) => `Modifier ${name}`,
    save: "Enregistrer",
    remove: (name: string) => `Supprimer ${name}`,
    removeText: (name: string) => `Ce que seul ${name} peut voir ne sera plus vu que des administrateurs, sauf si une autre règle le permet.`,
    removeAction: "Supprimer",
  },
);

interface Group {
  name: string;
  members: number[];
}

interface Member {
  user: number;
  email: string;
  name: string;
}

export function Groups() {
  const found = useLoaded(async (signal) => {
    const [groups, people] = await Promise.all([
      get<{ groups: Group[] }>("/groups", {}, { signal }),
      get<{ members: Member[] }>(`/spaces/${space.value!.short}/members`, { limit: 1000 }, { signal }),
    ]);
    return { groups: groups.groups, members: people.members };
  }, [space.value?.short]);
  const is = found.value;
  const nameOf = (user: number) => {
    const member = is?.members.find((each) => each.user === user);
    return member?.name || member?.email || `#${user}`;
  };
  const edit = (group?: Group) => () => open(<Edit of={group} members={is!.members} after={found.reload} />);
  return (
    <section class="card">
      <div class="card-title">
        <h2>{w().title}</h2>
        {is && <Button icon="plus" onClick={edit()}>{w().make}</Button>}
      </div>
      <p class="quiet">{w().lead}</p>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !is ? <Loading />
        : !is.groups.length ? <p class="quiet">{w().none}</p>
        : (
          <Rows
            label={w().title}
            rows={is.groups}
            id={(row) => row.name}
            columns={[
              { key: "name", title: w().name, cell: (row) => <span class="mono">{row.name}</span> },
              {
                key: "members",
                title: w().members,
                cell: (row) => <span class="two">{w().count(row.members.length)}<small>{row.members.map(nameOf).join(", ")}</small></span>,
              },
              {
                key: "more",
                cell: (row) => (
                  <>
                    <IconButton icon="edit" label={w().change(row.name)} onClick={edit(row)} />
                    <IconButton
                      icon="trash"
                      label={w().remove(row.name)}
                      onClick={() => confirm(w().remove(row.name), w().removeText(row.name), w().removeAction, async () => {
                        await del(`/groups/${encodeURIComponent(row.name)}`);
                        found.reload();
                      })}
                    />
                  </>
                ),
              },
            ]}
          />
        )}
    </section>
  );
}

function Edit({ of, members, after }: { of: Group | undefined; members: Member[]; after: () => void }) {
  const [name, setName] = useState(of?.name ?? "");
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set(of?.members));
  const submit = async () => {
    const logins = members.filter((each) => chosen.has(each.user)).map((each) => each.email);
    await put(`/groups/${encodeURIComponent(name.trim())}`, { members: logins });
    after();
  };
  const toggle = (user: number, on: boolean) => {
    const next = new Set(chosen);
    next[on ? "add" : "delete"](user);
    setChosen(next);
  };
  return (
    <FormDialog title={of ? w().change(of.name) : w().make} action={w().save} disabled={!name.trim() || !chosen.size} onSubmit={submit}>
      {!of && <TextField label={w().name} hint={w().nameHint} value={name} onInput={setName} required focus maxLength={64} />}
      <fieldset class="choices">
        <legend>{w().members}</legend>
        {members.map((each) => (
          <Checkbox key={each.user} label={each.name ? `${each.name} (${each.email})` : each.email} checked={chosen.has(each.user)}
            onChange={(on) => toggle(each.user, on)} />
        ))}
      </fieldset>
    </FormDialog>
  );
}

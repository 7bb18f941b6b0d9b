// Who belongs to the space, and what each of them may do.
import { useState } from "preact/hooks";
import { Refusal, type Role, del, put, session, space, whoAmI } from "../core/api";
import { words } from "../core/words";
import { Button, IconButton } from "../parts/buttons";
import { FormDialog, confirm, open } from "../parts/dialogs";
import { Select, TextField } from "../parts/fields";
import { Listed, useListing } from "../parts/lists";
import { complain, notify } from "../parts/notices";
import { Groups } from "./groups";

const w = words(
  {
    title: "Members",
    lead: "Who belongs to this space. A role holds for the whole space: readers read, writers add and change their own files, managers see to everybody’s, administrators also decide about members, keys and webhooks.",
    add: "Add a member",
    addAction: "Add",
    login: "E-mail or user name",
    unknown: "Nobody with this e-mail or user name has an account.",
    unknownHint: "An administrator of the installation can make one.",
    name: "Name",
    role: "Role",
    roleOf: (name: string) => `Role of ${name}`,
    remove: (name: string) => `Remove ${name}`,
    removeText: (name: string) => `${name} loses access to this space at once. Files stay.`,
    removeAction: "Remove",
    none: "Nobody yet.",
    saved: (name: string) => `${name} has a new role.`,
    you: "you",
  },
  {
    title: "Membres",
    lead: "Qui fait partie de cet espace. Un rôle vaut pour tout l’espace : les lecteurs lisent, les rédacteurs ajoutent et modifient leurs fichiers, les gestionnaires s’occupent de ceux de tous, les administrateurs décident aussi des membres, des clés et des webhooks.",
    add: "Ajouter un membre",
    addAction: "Ajouter",
    login: "E-mail ou identifiant",
    unknown: "Aucun compte n’a cet e-mail ou cet identifiant.",
    unknownHint: "Un administrateur de l’installation peut en créer un.",
    name: "Nom",
    role: "Rôle",
    roleOf: (name: string) => `Rôle de ${name}`,
    remove: (name: string) => `Retirer ${name}`,
    removeText: (name: string) => `${name} perd aussitôt l’accès à cet espace. Ses fichiers restent.`,
    removeAction: "Retirer",
    none: "Personne pour l’instant.",
    saved: (name: string) => `${name} a un nouveau rôle.`,
    you: "vous",
  },
);

const roles = words(
  { reader: "Reader", writer: "Writer", manager: "Manager", admin: "Administrator" },
  { reader: "Lecteur", writer: "Rédacteur", manager: "Gestionnaire", admin: "Administrateur" },
);

export const roleChoices = (): [Role, string][] =>
  (["reader", "writer", "manager", "admin"] as const).map((each) => [each, roles()[each]]);

interface Member {
  user: number;
  email: string;
  name: string;
  role: Role;
}

const named = (member: Member) => member.name || member.email;
const path = (login: string | number) => `/spaces/${space.value!.short}/members/${encodeURIComponent(login)}`;

export default function Members() {
  const found = useListing<Member>(`/spaces/${space.value!.short}/members`, "members");
  const after = (member: Member) => {
    found.reload();
    if (member.user === session.value?.user.id) void whoAmI();
  };
  const change = (member: Member, role: Role) =>
    put<Member>(path(member.user), { role })
      .then(() => notify(w().saved(named(member))), complain)
      .finally(() => after(member));
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button kind="main" icon="plus" onClick={() => open(<Add after={found.reload} />)}>{w().add}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      <Listed
        label={w().title}
        of={found}
        id={(row) => row.user}
        empty={<p class="quiet">{w().none}</p>}
        columns={[
          {
            key: "name",
            title: w().name,
            cell: (row) => (
              <span class="two">
                {named(row)} {row.user === session.value?.user.id && <span class="quiet">({w().you})</span>}
                {row.name && <small>{row.email}</small>}
              </span>
            ),
          },
          {
            key: "role",
            title: w().role,
            cell: (row) => (
              <select
                class="input"
                aria-label={w().roleOf(named(row))}
                value={row.role}
                onChange={(event) => void change(row, event.currentTarget.value as Role)}
              >
                {roleChoices().map(([value, label]) => <option key={value} value={value}>{label}</option>)}
              </select>
            ),
          },
          {
            key: "remove",
            cell: (row) => (
              <IconButton
                icon="trash"
                label={w().remove(named(row))}
                onClick={() =>
                  confirm(w().remove(named(row)), w().removeText(named(row)), w().removeAction, async () => {
                    await del(path(row.user));
                    after(row);
                  })
                }
              />
            ),
          },
        ]}
      />
      <Groups />
    </div>
  );
}

function Add({ after }: { after: () => void }) {
  const [login, setLogin] = useState("");
  const [role, setRole] = useState<Role>("writer");
  const submit = async () => {
    try {
      await put(path(login.trim()), { role });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 404) throw error;
      throw new Refusal(400, error.code, w().unknown, w().unknown, w().unknownHint, {});
    }
    after();
  };
  return (
    <FormDialog title={w().add} action={w().addAction} disabled={!login.trim()} onSubmit={submit}>
      <TextField label={w().login} value={login} onInput={setLogin} required focus maxLength={320} />
      <Select label={w().role} value={role} options={roleChoices()} onChange={setRole} />
    </FormDialog>
  );
}

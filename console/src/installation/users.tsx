// The users of the installation, for operators: made, locked out and let in, given a new password, deleted.
import { useState } from "preact/hooks";
import { type Role, type Space, type User as Known, del, get, patch, post, put, session } from "../core/api";
import { useLoaded } from "../core/loading";
import { place } from "../core/places";
import { moment, when, words } from "../core/words";
import { Button } from "../parts/buttons";
import { FormDialog, confirm, open } from "../parts/dialogs";
import { Checkbox, Search, Select, TextField } from "../parts/fields";
import { Icon } from "../parts/icons";
import { Listed, useListing } from "../parts/lists";
import { type Choice, Menu } from "../parts/menus";
import { complain, notify } from "../parts/notices";
import { Badge } from "../parts/states";
import { roleChoices } from "../admin/members";
import { showOnce } from "../admin/secret";

const w = words(
  {
    title: "Users",
    lead: "Everybody who can sign in to this installation. What somebody may do in a space is decided there, by its members’ roles.",
    make: "New user",
    makeAction: "Make the user",
    email: "E-mail",
    username: "User name",
    usernameHint: "A second name to sign in with; left empty, the e-mail.",
    name: "Name",
    home: "Space",
    homeHint: "Where the user begins, as a member.",
    nowhere: "none yet",
    role: "Role there",
    operator: "Operator",
    operatorBox: "Looks after the whole installation",
    state: "State",
    active: "may sign in",
    locked: "locked out",
    since: "Since",
    search: "Name or e-mail contains",
    none: "There is nobody.",
    you: "you",
    actionsFor: (name: string) => `Actions for ${name}`,
    password: "New password …",
    passwordTitle: (name: string) => `A new password for ${name}`,
    passwordText: "A password is made up and shown once. The old one, and every session and token, end at once; keys stay.",
    passwordAction: "Make a new password",
    passwordOf: (email: string) => `The password of ${email}`,
    lock: "Lock out …",
    lockTitle: (name: string) => `Lock ${name} out`,
    lockText: "Password, keys and tokens stop working at once. Files stay, and the user can be let in again.",
    lockAction: "Lock out",
    letIn: "Let in again",
    raise: "Make an operator",
    lower: "No operator any more",
    remove: "Delete …",
    removeTitle: (name: string) => `Delete ${name}`,
    removeText: "For good. The files become the property of their spaces; the audit trail keeps the number.",
    removeAction: "Delete",
    changed: (name: string) => `${name} is changed.`,
    removed: (name: string) => `${name} is deleted; the files are handed over.`,
  },
  {
    title: "Utilisateurs",
    lead: "Toutes les personnes qui peuvent se connecter à cette installation. Ce que chacun peut faire dans un espace s’y décide, par le rôle de ses membres.",
    make: "Nouvel utilisateur",
    makeAction: "Créer l’utilisateur",
    email: "E-mail",
    username: "Identifiant",
    usernameHint: "Un second nom pour se connecter ; vide : l’e-mail.",
    name: "Nom",
    home: "Espace",
    homeHint: "Là où l’utilisateur commence, comme membre.",
    nowhere: "aucun pour l’instant",
    role: "Son rôle",
    operator: "Opérateur",
    operatorBox: "S’occupe de toute l’installation",
    state: "État",
    active: "peut se connecter",
    locked: "bloqué",
    since: "Depuis",
    search: "Le nom ou l’e-mail contient",
    none: "Il n’y a personne.",
    you: "vous",
    actionsFor: (name: string) => `Actions pour ${name}`,
    password: "Nouveau mot de passe…",
    passwordTitle: (name: string) => `Un nouveau mot de passe pour ${name}`,
    passwordText: "Un mot de passe est inventé et affiché une fois. L’ancien, ainsi que toutes les sessions et tous les jetons, prennent fin aussitôt ; les clés restent.",
    passwordAction: "Créer un mot de passe",
    passwordOf: (email: string) => `Le mot de passe de ${email}`,
    lock: "Bloquer…",
    lockTitle: (name: string) => `Bloquer ${name}`,
    lockText: "Mot de passe, clés et jetons cessent aussitôt de fonctionner. Les fichiers restent, et l’utilisateur peut être admis à nouveau.",
    lockAction: "Bloquer",
    letIn: "Admettre à nouveau",
    raise: "Nommer opérateur",
    lower: "N’est plus opérateur",
    remove: "Supprimer…",
    removeTitle: (name: string) => `Supprimer ${name}`,
    removeText: "Définitivement. Les fichiers deviennent la propriété de leurs espaces ; le journal d’audit garde le numéro.",
    removeAction: "Supprimer",
    changed: (name: string) => `${name} : modifié.`,
    removed: (name: string) => `${name} : supprimé ; les fichiers sont transmis.`,
  },
);

interface User extends Known {
  is_active: boolean;
  home: number | null;
  created_at: string;
}

const nowhere = { space: null };
const named = (user: User) => user.name || user.email;
const isMe = (user: User) => user.id === session.value?.user.id;

export default function Users() {
  const having = place.value.query.get("q") ?? "";
  const found = useListing<User>("/users", "users", { having });
  const change = async (user: User, changes: Partial<User>) => {
    await patch(`/users/${user.id}`, changes, nowhere);
    notify(w().changed(named(user)));
    found.reload();
  };
  const choices = (user: User): Choice[] => [
    { label: w().password, icon: "key", disabled: isMe(user), onChoose: () => open(<NewPassword of={user} />) },
    user.is_operator
      ? { label: w().lower, icon: "settings", disabled: isMe(user), onChoose: () => void change(user, { is_operator: false }).catch(complain) }
      : { label: w().raise, icon: "settings", onChoose: () => void change(user, { is_operator: true }).catch(complain) },
    user.is_active
      ? {
        label: w().lock, icon: "lock", disabled: isMe(user),
        onChoose: () => confirm(w().lockTitle(named(user)), w().lockText, w().lockAction, () => change(user, { is_active: false })),
      }
      : { label: w().letIn, icon: "restore", onChoose: () => void change(user, { is_active: true }).catch(complain) },
    {
      label: w().remove, icon: "trash", danger: true, apart: true, disabled: isMe(user),
      onChoose: () => confirm(w().removeTitle(named(user)), w().removeText, w().removeAction, async () => {
        await del(`/users/${user.id}`, {}, nowhere);
        notify(w().removed(named(user)));
        found.reload();
      }),
    },
  ];
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <Button kind="main" icon="plus" onClick={() => open(<Make after={found.reload} />)}>{w().make}</Button>
        <p class="lead">{w().lead}</p>
      </header>
      <div class="filters"><Search label={w().search} q={having} /></div>
      <Listed
        label={w().title}
        of={found}
        id={(row) => row.id}
        empty={<p class="quiet" role="status">{w().none}</p>}
        columns={[
          {
            key: "name",
            title: w().name,
            cell: (row) => (
              <span class="two">
                {named(row)} {isMe(row) && <span class="quiet">({w().you})</span>}
                {row.name && <small>{row.email}</small>}
              </span>
            ),
          },
          { key: "username", title: w().username, cell: (row) => (row.username === row.email ? "–" : row.username) },
          {
            key: "state",
            title: w().state,
            cell: (row) => (
              <>
                {row.is_active ? w().active : <Badge tone="bad">{w().locked}</Badge>}{" "}
                {row.is_operator && <Badge tone="good">{w().operator}</Badge>}
              </>
            ),
          },
          { key: "since", title: w().since, cell: (row) => <span title={moment(row.created_at)}>{when(row.created_at)}</span> },
          { key: "more", cell: (row) => <Menu label={w().actionsFor(named(row))} choices={choices(row)}><Icon name="more" /></Menu> },
        ]}
      />
    </div>
  );
}

function Make({ after }: { after: () => void }) {
  const [email, setEmail] = useState("");
  const [username, setUsername] = useState("");
  const [name, setName] = useState("");
  const [home, setHome] = useState("");
  const [role, setRole] = useState<Role>("writer");
  const [operator, setOperator] = useState(false);
  const spaces = useLoaded((signal) => get<{ spaces: Space[] }>("/spaces", { limit: 1000 }, { signal, ...nowhere }), []);
  const submit = async () => {
    const password = makeUp();
    const body = { email: email.trim(), password, username, name: name.trim(), is_operator: operator, ...(home ? { home } : {}) };
    const made = await post<User>("/users", body, nowhere);
    after();
    if (home) await put(`/spaces/${home}/members/${made.id}`, { role }, nowhere).catch(complain);
    showOnce(w().passwordOf(made.email), password);
  };
  const places: [string, string][] = (spaces.value?.spaces ?? []).map((each) => [each.short, each.name || each.short]);
  return (
    <FormDialog title={w().make} action={w().makeAction} disabled={!email.trim()} onSubmit={submit}>
      <TextField label={w().email} type="email" value={email} onInput={setEmail} required focus maxLength={254} />
      <TextField label={w().name} value={name} onInput={setName} maxLength={256} />
      <TextField label={w().username} hint={w().usernameHint} value={username} onInput={setUsername} maxLength={256} />
      <Select label={w().home} hint={w().homeHint} value={home} onChange={setHome} options={[["", w().nowhere], ...places]} />
      {home && <Select label={w().role} value={role} onChange={setRole} options={roleChoices()} />}
      <Checkbox label={w().operatorBox} checked={operator} onChange={setOperator} />
    </FormDialog>
  );
}

function NewPassword({ of }: { of: User }) {
  const submit = async () => {
    const password = makeUp();
    await patch(`/users/${of.id}`, { password }, nowhere);
    showOnce(w().passwordOf(of.email), password);
  };
  return (
    <FormDialog title={w().passwordTitle(named(of))} action={w().passwordAction} onSubmit={submit}>
      <p>{w().passwordText}</p>
    </FormDialog>
  );
}

/** A password that nobody guesses: 96 random bits. */
function makeUp(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

// One's own password: the present one is asked for.
import { useState } from "preact/hooks";
import { patch, session, signIn } from "./core/api";
import { words } from "./core/words";
import { FormDialog } from "./parts/dialogs";
import { TextField } from "./parts/fields";
import { notify } from "./parts/notices";

const w = words(
  {
    title: "Change the password",
    action: "Change it",
    present: "Present password",
    next: "New password",
    hint: "Every other session of yours, and every token, ends; keys stay.",
    done: "The password is changed.",
  },
  {
    title: "Changer de mot de passe",
    action: "Changer",
    present: "Mot de passe actuel",
    next: "Nouveau mot de passe",
    hint: "Vos autres sessions et tous les jetons prennent fin ; les clés restent.",
    done: "Le mot de passe est changé.",
  },
);

export function ChangePassword() {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const submit = async () => {
    const { id, email } = session.value!.user;
    await patch(`/users/${id}`, { current_password: present, password: next }, { space: null });
    await signIn(email, next);
    notify(w().done);
  };
  return (
    <FormDialog title={w().title} action={w().action} disabled={!present || !next} onSubmit={submit}>
      <TextField label={w().present} type="password" autocomplete="current-password" value={present} onInput={setPresent} required focus />
      <TextField label={w().next} hint={w().hint} type="password" autocomplete="new-password" value={next} onInput={setNext} required />
    </FormDialog>
  );
}

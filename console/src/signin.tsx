import { useEffect, useState } from "preact/hooks";
import { ended, session, signIn, signOut } from "./core/api";
import { language, speak, words } from "./core/words";
import { Button } from "./parts/buttons";
import { Dialog } from "./parts/dialogs";
import { TextField } from "./parts/fields";
import { Problem } from "./parts/states";

const w = words(
  {
    title: "Sign in",
    slogan: "Hand it over, get it back, checked.",
    login: "E-mail or user name",
    password: "Password",
    action: "Sign in",
    ended: "Your session has ended",
    goOn: "Sign in again to go on where you were. Nothing is lost.",
    other: "Sign in as someone else",
    first: "At the first start the server prints the administrator and the password in the terminal.",
  },
  {
    title: "Connexion",
    slogan: "Déposez, retrouvez, vérifié.",
    login: "E-mail ou identifiant",
    password: "Mot de passe",
    action: "Se connecter",
    ended: "Votre session est terminée",
    goOn: "Reconnectez-vous pour reprendre où vous en étiez. Rien n’est perdu.",
    other: "Se connecter avec un autre compte",
    first: "Au premier démarrage, le serveur affiche l’administrateur et le mot de passe dans le terminal.",
  },
);

function SignInForm({ known }: { known?: string }) {
  const [login, setLogin] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  return (
    <form
      class="form"
      onSubmit={async (event) => {
        event.preventDefault();
        setBusy(true);
        setProblem(null);
        try {
          await signIn(login, password);
        } catch (error) {
          setProblem(error);
          setBusy(false);
        }
      }}
    >
      <TextField label={w().login} value={login} onInput={setLogin} autocomplete="username" required disabled={!!known} focus={!known} />
      <TextField label={w().password} value={password} onInput={setPassword} type="password" autocomplete="current-password" required focus={!!known} />
      <Problem error={problem} />
      <Button type="submit" kind="main" busy={busy}>{w().action}</Button>
    </form>
  );
}

export function SignInPage() {
  useEffect(() => {
    document.title = `${w().title} · Consigne`;
  }, [language.value]);
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <p class="brand"><Mark /> Consigne</p>
        <h1>{w().title}</h1>
        <p class="quiet">{w().slogan}</p>
        <SignInForm />
        <p class="quiet small">{w().first}</p>
      </div>
      <p class="languages">
        <button type="button" lang="en" aria-pressed={language.value === "en"} onClick={() => speak("en")}>English</button>
        <button type="button" lang="fr" aria-pressed={language.value === "fr"} onClick={() => speak("fr")}>Français</button>
      </p>
    </main>
  );
}

/** Over the page, when the session ends while it is open. */
export function SignInAgain() {
  if (!ended.value || !session.value) return null;
  return (
    <Dialog title={w().ended} firm>
      <p>{w().goOn}</p>
      <SignInForm known={session.value.user.email} />
      <p><button type="button" class="plain" onClick={() => void signOut()}>{w().other}</button></p>
    </Dialog>
  );
}

export function Mark() {
  return (
    <svg class="mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <rect x="3" y="10" width="26" height="18" rx="4" />
      <path d="M11 10V8a4 4 0 0 1 4-4h2a4 4 0 0 1 4 4v2" />
    </svg>
  );
}

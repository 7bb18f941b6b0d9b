// What a page shows when there is nothing, not yet something, or a refusal.
import type { ComponentChildren } from "preact";
import { Offline, Refusal } from "../core/api";
import { percent, words } from "../core/words";
import { Icon, type IconName } from "./icons";
import { Button, Spinner } from "./buttons";

const w = words(
  {
    loading: "Loading …",
    again: "Try again",
    offline: "The server cannot be reached. Check the connection.",
    unknown: "Something went wrong here.",
    throttled: "Too many failed attempts. Wait a few minutes.",
    wrong: "The user name or the password is wrong.",
    full: "There is no room left in this space.",
    fullHint: "Delete something, or ask an administrator for a larger quota.",
    right: "Your role in this space does not allow this.",
    gone: "It is no longer there.",
    changed: "Somebody changed it in the meantime. Look at it again before you save.",
    busy: "The server is busy. Try again in a moment.",
  },
  {
    loading: "Chargement…",
    again: "Réessayer",
    offline: "Le serveur est injoignable. Vérifiez la connexion.",
    unknown: "Une erreur s’est produite ici.",
    throttled: "Trop d’essais infructueux. Patientez quelques minutes.",
    wrong: "L’identifiant ou le mot de passe est incorrect.",
    full: "Il n’y a plus de place dans cet espace.",
    fullHint: "Supprimez des fichiers, ou demandez un quota plus grand à un administrateur.",
    right: "Votre rôle dans cet espace ne le permet pas.",
    gone: "Cet élément n’existe plus.",
    changed: "Quelqu’un l’a modifié entre-temps. Regardez à nouveau avant d’enregistrer.",
    busy: "Le serveur est occupé. Réessayez dans un instant.",
  },
);

/** Say in the operator's language what an error means; else in the server's own words. */
export function explain(error: unknown): { text: string; hint?: string } {
  if (error instanceof Offline) return { text: w().offline };
  if (!(error instanceof Refusal)) return { text: w().unknown };
  if (error.code === "bad_credentials") return { text: w().wrong };
  if (error.status === 429) return { text: w().throttled };
  if (error.status === 507) return { text: w().full, hint: w().fullHint };
  if (error.code === "right_missing") return { text: w().right, hint: error.detail };
  if (error.status === 412) return { text: w().changed };
  if (error.status === 404 || error.status === 410) return { text: w().gone };
  if (error.status === 503) return { text: w().busy };
  return { text: error.detail || error.title, hint: error.hint };
}

/** What was refused, in place; nothing where there is no error. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const { text, hint } = explain(error);
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <div>
        <p>{text}</p>
        {hint && <p class="quiet">{hint}</p>}
      </div>
      {onRetry && <Button kind="quiet" onClick={onRetry}>{w().again}</Button>}
    </div>
  );
}

/** Nothing to show, and what to do about it; `whole`: it is the page, so its title is the page's. */
export function Empty(props: { icon: IconName; title: string; children?: ComponentChildren; whole?: boolean }) {
  const Title = props.whole ? "h1" : "h2";
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={props.icon} size={32} /></span>
      <Title>{props.title}</Title>
      {props.children && <div class="empty-text">{props.children}</div>}
    </div>
  );
}

export function Loading() {
  return <p class="loading" role="status"><Spinner /> {w().loading}</p>;
}

/** How far something is: `done` of `total`; without a total it only says that it goes on. */
export function Progress(props: { label: string; done: number; total: number | null | undefined }) {
  const part = props.total ? Math.min(1, props.done / props.total) : null;
  return (
    <span
      class={`progress ${part === null ? "unknown" : ""}`}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={part === null ? undefined : Math.floor(part * 100)}
      aria-valuetext={part === null ? undefined : percent(part)}
    >
      <span style={{ width: part === null ? "40%" : `${part * 100}%` }} />
    </span>
  );
}

/** A small word on a coloured ground. */
export function Badge(props: { children: ComponentChildren; tone?: "good" | "bad" | "warm" }) {
  return <span class={`badge ${props.tone ?? ""}`}>{props.children}</span>;
}

// The areas of the console, one line each. An area is loaded when someone goes there.
import type { ComponentType } from "preact";
import type { IconName } from "../parts/icons";
import { may, session } from "./api";
import { words } from "./words";

const w = words(
  {
    files: "Files", trash: "Trash", records: "Records", imports: "Imports", jobs: "Jobs",
    administration: "Administration", space: "Space", members: "Members", keys: "Keys", webhooks: "Webhooks", audit: "Audit trail",
    types: "Record types",
    spaces: "Spaces", users: "Users", health: "Health",
  },
  {
    files: "Fichiers", trash: "Corbeille", records: "Fiches", imports: "Imports", jobs: "Tâches",
    administration: "Administration", space: "Espace", members: "Membres", keys: "Clés", webhooks: "Webhooks", audit: "Journal d’audit",
    types: "Types de fiches",
    spaces: "Espaces", users: "Utilisateurs", health: "Santé",
  },
);

export interface Area {
  /** The segment of the address behind the space. */
  name: string;
  title: () => string;
  icon: IconName;
  load: () => Promise<{ default: ComponentType }>;
  /** Whether the user finds it in the navigation. */
  shown: () => boolean;
}

export interface Group {
  title: (() => string) | null;
  areas: Area[];
}

/** What belongs to a space. */
export const SPACE: Group[] = [
  {
    title: null,
    areas: [
      { name: "files", title: () => w().files, icon: "files", load: () => import("../files/area"), shown: () => may("reader") },
      { name: "trash", title: () => w().trash, icon: "trash", load: () => import("../files/trash"), shown: () => may("reader") },
      { name: "records", title: () => w().records, icon: "type", load: () => import("../records/area"), shown: () => may("reader") },
      { name: "imports", title: () => w().imports, icon: "table", load: () => import("../imports/area"), shown: () => may("manager") },
      { name: "jobs", title: () => w().jobs, icon: "job", load: () => import("../jobs/area"), shown: () => may("reader") },
    ],
  },
  {
    title: () => w().administration,
    areas: [
      { name: "space", title: () => w().space, icon: "chart", load: () => import("../admin/space"), shown: () => may("admin") },
      { name: "members", title: () => w().members, icon: "users", load: () => import("../admin/members"), shown: () => may("admin") },
      { name: "keys", title: () => w().keys, icon: "key", load: () => import("../admin/keys"), shown: () => may("reader") },
      { name: "webhooks", title: () => w().webhooks, icon: "hook", load: () => import("../webhooks/area"), shown: () => may("admin") },
      { name: "types", title: () => w().types, icon: "table", load: () => import("../types/area"), shown: () => may("manager") },
      { name: "audit", title: () => w().audit, icon: "audit", load: () => import("../admin/audit"), shown: () => may("manager") },
    ],
  },
];

/** What belongs to the installation; for operators. */
export const INSTALLATION_AREAS: Area[] = [
  { name: "spaces", title: () => w().spaces, icon: "space", load: () => import("../installation/spaces"), shown: () => isOperator() },
  { name: "users", title: () => w().users, icon: "users", load: () => import("../installation/users"), shown: () => isOperator() },
  { name: "health", title: () => w().health, icon: "health", load: () => import("../installation/health"), shown: () => isOperator() },
];

export const isOperator = (): boolean => session.value?.user.is_operator ?? false;

// The folders and years of the space, below the navigation: a tree by keyboard as well (WAI-ARIA).
import { useEffect, useId, useState } from "preact/hooks";
import { get, space } from "../core/api";
import { useLoaded } from "../core/loading";
import { address, go, place } from "../core/places";
import { Icon } from "../parts/icons";
import { type Folder, type Year, changeFile, each, foldersIn } from "./model";
import { complain, notify } from "../parts/notices";
import { w } from "./words";

export const DRAGGED = "application/x-consigne-files";

export function Tree() {
  const short = space.value?.short;
  const years = useLoaded(() => get<{ years: Year[] }>("/years"), [short]);
  const present = place.value.area === "files" ? place.value.rest : null;
  const onYear = present?.[0] === "year" ? present[1] : null;
  return (
    <div class="tree">
      <h2 class="side-title" id="tree-title">{w().folders}</h2>
      <ul role="tree" aria-labelledby="tree-title" onKeyDown={keys}>
        <Branch folder={null} level={1} present={present && !onYear ? (present[0] ?? null) : undefined} />
      </ul>
      {!!years.value?.years.length && (
        <>
          <h2 class="side-title" id="years-title">{w().years}</h2>
          <ul role="tree" aria-labelledby="years-title" onKeyDown={keys}>
            {years.value.years.map((each, index) => (
              <li key={each.id} role="none">
                <span
                  role="treeitem"
                  aria-level={1}
                  aria-selected={onYear === each.id}
                  tabIndex={onYear === each.id || index === 0 ? 0 : -1}
                  class="twig"
                  style={{ paddingLeft: "1.9rem" }}
                  data-to={address(["files", "year", each.id])}
                  onClick={() => go(address(["files", "year", each.id]))}
                >
                  <Icon name="job" size={18} /> <span class="cut">{each.label}</span>
                  {each.is_closed && <Icon name="lock" size={14} />}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Branch({ folder, level, present }: { folder: Folder | null; level: number; present: string | null | undefined }) {
  const [open, setOpen] = useState(folder === null);
  const [over, setOver] = useState(false);
  const group = useId();
  const below = open ? foldersIn(folder?.id ?? null).value : undefined;
  const chosen = present !== undefined && present === (folder?.id ?? null);
  const to = address(folder ? ["files", folder.id] : ["files"]);
  useEffect(() => {
    if (chosen) setOpen(true);
  }, [chosen]);
  return (
    <li role="none">
      <span
        role="treeitem"
        aria-level={level}
        aria-expanded={below && !below.length ? undefined : open}
        aria-selected={chosen}
        aria-owns={open && below?.length ? group : undefined}
        tabIndex={chosen || (present === undefined && !folder) ? 0 : -1}
        class={`twig ${over ? "over" : ""}`}
        style={{ paddingLeft: `${(level - 1) * 0.9 + 0.25}rem` }}
        data-to={to}
        onClick={() => go(to)}
        onDragOver={(event) => {
          if (!event.dataTransfer?.types.includes(DRAGGED)) return;
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          const ids = event.dataTransfer?.getData(DRAGGED);
          setOver(false);
          if (!ids) return;
          event.preventDefault();
          event.stopPropagation();
          void moveFiles(ids.split(" "), folder?.id ?? null);
        }}
      >
        <span
          class={`twist ${open ? "open" : ""} ${below && !below.length ? "leaf" : ""}`}
          data-twist
          onClick={(event) => {
            event.stopPropagation();
            setOpen(!open);
          }}
        >
          <Icon name="right" size={16} />
        </span>
        <Icon name={folder ? "folder" : "files"} size={18} />
        <span class="cut">{folder?.name ?? w().top}</span>
      </span>
      {open && !!below?.length && (
        <ul role="group" id={group}>
          {below.map((each) => <Branch key={each.id} folder={each} level={level + 1} present={present} />)}
        </ul>
      )}
    </li>
  );
}

export async function moveFiles(ids: string[], folder: string | null): Promise<void> {
  const { failed, error } = await each(ids, (id) => changeFile(id, { folder }));
  if (ids.length > failed) notify(w().moved(ids.length - failed));
  if (error) complain(error);
}

function keys(event: KeyboardEvent): void {
  const here = event.target as HTMLElement;
  if (here.getAttribute("role") !== "treeitem") return;
  const tree = here.closest("[role=tree]")!;
  const all = [...tree.querySelectorAll<HTMLElement>("[role=treeitem]")];
  const at = all.indexOf(here);
  const expanded = here.getAttribute("aria-expanded");
  const twist = here.querySelector<HTMLElement>("[data-twist]");
  let to: HTMLElement | null | undefined;
  if (event.key === "ArrowDown") to = all[at + 1];
  else if (event.key === "ArrowUp") to = all[at - 1];
  else if (event.key === "Home") to = all[0];
  else if (event.key === "End") to = all.at(-1);
  else if (event.key === "ArrowRight") {
    if (expanded === "false") twist?.click();
    else if (expanded) to = all[at + 1];
  } else if (event.key === "ArrowLeft") {
    const level = Number(here.ariaLevel);
    if (expanded === "true") twist?.click();
    else to = all.slice(0, at).findLast((each) => Number(each.ariaLevel) < level);
  } else if (event.key === "Enter" || event.key === " ") go(here.dataset.to!);
  else return;
  event.preventDefault();
  to?.focus();
}

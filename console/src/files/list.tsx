// The table of files, with what can be done to those that are selected.
import type { ComponentChild } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, may, space } from "../core/api";
import { useHappenings } from "../core/live";
import { Paged } from "../core/paging";
import { address, ask, asking, go, place } from "../core/places";
import { size, when } from "../core/words";
import { Button, IconButton } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { type Choice, Choices, Menu } from "../parts/menus";
import { Loading, Problem } from "../parts/states";
import { type Column, Table } from "../parts/tables";
import * as actions from "./actions";
import { ForAll } from "./forall";
import { FIELDS, type File, type Folder, hasPicture, iconOf, pictureUrl } from "./model";
import { DRAGGED } from "./tree";
import { arrived } from "./uploads";
import { w } from "./words";

type Row = { folder: Folder; file?: undefined } | { file: File; folder?: undefined };

interface ListProps {
  label: string;
  /** What narrows the list: parameters of `GET /files`. */
  query: Record<string, string | string[] | undefined>;
  folders?: Folder[] | undefined;
  trash?: boolean;
  empty: ComponentChild;
}

const CALM = 700;
/** A list that is read again is read at most so far at once. */
const AGAIN = 5000;

/** A list that is read again when something happened; what is shown stays until then. */
function useFiles(query: ListProps["query"]): { list: Paged<File> | null; refresh: () => void } {
  const key = JSON.stringify([space.value?.short, query]);
  const [shown, setShown] = useState<{ key: string; list: Paged<File> } | null>(null);
  const present = useRef<Paged<File> | null>(null);
  const timer = useRef(0);
  const make = () => {
    const { sort: _, ...narrow } = query;
    present.current = new Paged<File>(
      async (cursor, signal) => {
        const asked = { ...query, fields: FIELDS, limit: cursor ? 1000 : 200, cursor };
        const page = await get<{ files: File[]; next: string | null }>("/files", asked, { signal });
        return { rows: page.files, next: page.next };
      },
      async (signal) => (await get<{ count: number }>("/files/count", narrow, { signal })).count,
    );
    return present.current;
  };
  useEffect(() => {
    setShown({ key, list: make() });
    return () => {
      clearTimeout(timer.current);
      present.current?.stop();
    };
  }, [key]);
  const refresh = () => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(async () => {
      const before = present.current;
      const fresh = make();
      await fresh.reach(Math.min((before?.rows.length ?? 1) - 1, AGAIN));
      if (present.current !== fresh || fresh.error.value) return;
      before?.stop();
      setShown({ key, list: fresh });
    }, CALM);
  };
  useHappenings(["file", "files"], refresh);
  useEffect(() => {
    if (arrived.value) refresh();
  }, [arrived.value]);
  return { list: shown?.key === key ? shown.list : null, refresh };
}

export function List(props: ListProps) {
  const { list, refresh } = useFiles(props.query);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  // All that the filter matches, whatever of it is loaded.
  const [everything, setEverything] = useState(false);
  const [menu, setMenu] = useState<{ row: Row; at: { x: number; y: number } } | null>(null);
  list?.version.value;
  const folders = props.folders ?? [];
  const at = (index: number): Row | undefined => {
    const folder = folders[index];
    if (folder) return { folder };
    const file = list?.at(index - folders.length);
    return file && { file };
  };
  const key = JSON.stringify(props.query);
  const select = (ids: ReadonlySet<string>) => {
    setPicked(ids);
    setEverything(false);
  };
  useEffect(() => select(new Set()), [key]);

  const rows = list?.rows ?? [];
  const chosen = everything ? rows : rows.filter((each) => picked.has(each.id));
  const selected: ReadonlySet<string> = everything ? new Set(rows.map((each) => each.id)) : picked;
  // What is not loaded has no ids here: the server is told the filter instead.
  const beyond = everything && list !== null && !list.complete;
  const after = () => {
    select(new Set());
    refresh();
  };
  const to = (row: Row) => (row.folder ? address(["files", row.folder.id]) : asking({ file: row.file.id }));
  const sort = place.value.query.get("sort") ?? (props.trash ? "" : "name");

  const columns: Column<Row>[] = [
    {
      key: "name",
      title: w().name,
      opens: true,
      width: "minmax(10rem, 1fr)",
      sort: "name",
      cell: (row) => (row.folder ? <FolderCell folder={row.folder} /> : <FileCell file={row.file} trash={props.trash} />),
    },
    {
      key: "tags",
      title: w().tags,
      width: "minmax(6rem, 14rem)",
      hide: 1,
      cell: (row) => row.file?.tags.map((each) => <span key={each} class="tag">{each}</span>),
    },
    { key: "size", title: w().size, width: "6.5rem", sort: "size", right: true, hide: 2, cell: (row) => row.file && size(row.file.size) },
    {
      key: "added",
      title: props.trash ? w().deleted : w().added,
      width: "8rem",
      ...(props.trash ? {} : { sort: "created_at" }),
      right: true,
      hide: 2,
      cell: (row) => row.file && when(props.trash ? row.file.released_at : row.file.created_at),
    },
    {
      key: "more",
      title: w().actions,
      hideTitle: true,
      width: "3.25rem",
      right: true,
      cell: (row) => <Menu label={w().actionsFor(nameOf(row))} choices={choices(row)}><Icon name="more" /></Menu>,
    },
  ];

  const choices = (row: Row): Choice[] => {
    if (row.folder) {
      const { folder } = row;
      return [
        { label: w().open, icon: "folder", onChoose: () => go(to(row)) },
        { label: w().rename, icon: "edit", onChoose: () => actions.renameFolder(folder), disabled: !may("writer") },
        { label: w().move, icon: "move", onChoose: () => actions.moveFolder(folder), disabled: !may("writer") },
        { label: w().remove, icon: "trash", danger: true, apart: true, disabled: !may("writer"), onChoose: () => actions.removeFolder(folder, after) },
      ];
    }
    const { file } = row;
    if (props.trash) {
      return [
        { label: w().restore, icon: "restore", onChoose: () => void actions.restore([file.id], after) },
        { label: w().purge, icon: "trash", danger: true, disabled: !may("manager"), onChoose: () => actions.purge([file.id], after) },
      ];
    }
    return [
      { label: w().details, icon: "info", onChoose: () => go(to(row)) },
      { label: w().download, icon: "download", onChoose: () => actions.download([file.id]) },
      { label: w().share, icon: "share", onChoose: () => actions.share(file) },
      { label: w().rename, icon: "edit", apart: true, disabled: !may("writer"), onChoose: () => actions.renameFile(file, refresh) },
      { label: w().move, icon: "move", disabled: !may("writer"), onChoose: () => actions.move([file.id], after) },
      { label: w().tag, icon: "tag", disabled: !may("writer"), onChoose: () => actions.tag([file], after) },
      { label: w().remove, icon: "trash", danger: true, apart: true, disabled: !may("writer"), onChoose: () => void actions.release([file.id], after) },
    ];
  };

  if (!list) return <Loading />;
  if (list.error.value && !list.rows.length) return <Problem error={list.error.value} onRetry={list.retry} />;
  if (!list.ready.value || (!props.folders && !props.trash)) return <Loading />;
  const count = folders.length + list.count.value;
  if (!count) return <>{props.empty}</>;
  return (
    <>
      <div
        class="list"
        onDragStart={(event) => {
          const row = at(Number((event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset.row));
          if (!row?.file || !may("writer") || props.trash || beyond) return;
          const ids = selected.has(row.file.id) ? [...selected] : [row.file.id];
          event.dataTransfer?.setData(DRAGGED, ids.join(" "));
        }}
      >
        <Table<Row>
          label={props.label}
          columns={columns}
          count={count}
          row={at}
          id={(row) => row.folder?.id ?? row.file!.id}
          name={nameOf}
          onNeed={(last) => list.need(last - folders.length)}
          to={to}
          sort={sort}
          onSort={(chosen) => ask({ sort: chosen }, true)}
          selected={selected}
          selectable={(row) => row.file !== undefined}
          onSelect={select}
          {...(props.trash ? {} : { onAll: () => setEverything(true) })}
          onMenu={(row, at) => setMenu({ row, at })}
          current={place.value.query.get("file") ?? undefined}
        />
      </div>
      <footer class="list-foot" aria-live="polite">
        {chosen.length ? (
          <>
            <span class="list-said">{beyond ? w().allSelected(list.count.value) : w().selected(chosen.length)}</span>
            {props.trash ? (
              <>
                <Button icon="restore" onClick={() => void actions.restore([...selected], after)}>{w().restore}</Button>
                {may("manager") && <Button icon="trash" onClick={() => actions.purge([...selected], after)}>{w().purge}</Button>}
              </>
            ) : beyond ? <ForAll query={props.query} after={after} /> : (
              <>
                <Button icon="download" onClick={() => actions.download([...selected])}>{w().download}</Button>
                {may("writer") && (
                  <>
                    <Button icon="move" onClick={() => actions.move([...selected], after)}>{w().move}</Button>
                    <Button icon="tag" onClick={() => actions.tag(chosen, after)}>{w().tag}</Button>
                    <Button icon="trash" onClick={() => void actions.release([...selected], after)}>{w().remove}</Button>
                  </>
                )}
              </>
            )}
            <IconButton icon="close" label={w().unselect} onClick={() => select(new Set())} />
          </>
        ) : <span class="quiet small">{w().count(list.count.value)}</span>}
      </footer>
      {menu && (
        <Choices
          id="row-menu"
          label={w().actionsFor(nameOf(menu.row))}
          choices={choices(menu.row)}
          anchor={{ left: menu.at.x, right: menu.at.x, top: menu.at.y, bottom: menu.at.y }}
          onEnd={() => setMenu(null)}
        />
      )}
    </>
  );
}

const nameOf = (row: Row) => row.folder?.name ?? row.file!.name;

function FolderCell({ folder }: { folder: Folder }) {
  return <><span class="thumb"><Icon name="folder" /></span><span class="strong">{folder.name}</span></>;
}

function FileCell({ file, trash }: { file: File; trash?: boolean | undefined }) {
  return (
    <>
      {trash ? <span class="thumb"><Icon name={iconOf(file)} /></span> : <Thumb file={file} />}
      <span draggable={!trash}>{file.name}</span>
      {file.guards.length > 0 && <span class="guard" title={file.guards.map(w().guard).join(", ")}><Icon name="lock" size={15} /></span>}
    </>
  );
}

/** A small picture; an icon until, or unless, there is one. */
export function Thumb({ file }: { file: Pick<File, "id" | "type" | "detected_type" | "version"> }) {
  const [there, setThere] = useState(false);
  const short = space.value?.short;
  return (
    <span class="thumb">
      {!there && <Icon name={iconOf(file)} />}
      {short && hasPicture(file) && (
        <img src={pictureUrl(file.id, short, 64, file.version)} alt="" width={32} height={32} loading="lazy"
          class={there ? "" : "unseen"} onLoad={() => setThere(true)} onError={() => setThere(false)} />
      )}
    </span>
  );
}



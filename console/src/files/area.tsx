// The files of a space: a folder, a year, or what a search finds; uploads by dropping.
import { useEffect, useRef, useState } from "preact/hooks";
import { may, session, space } from "../core/api";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { address, ask, place } from "../core/places";
import { side } from "../core/side";
import { Button, Link } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menus";
import { Empty, Problem } from "../parts/states";
import * as actions from "./actions";
import { Details } from "./details";
import { chosen, dropped } from "./dropping";
import { List } from "./list";
import { foldersIn, forgetFolders, leaveFolders, lineage } from "./model";
import { UploadPanel } from "./panel";
import { Hits, SearchBox } from "./search";
import { DRAGGED, Tree } from "./tree";
import { add, recall } from "./uploads";
import { kinds, w } from "./words";

const KINDS: Record<string, string[]> = {
  image: ["type~image/"],
  pdf: ["type=application/pdf"],
  text: ["type~text/"],
  audio: ["type~audio/"],
  video: ["type~video/"],
};

export default function Files() {
  const { rest, query } = place.value;
  const year = rest[0] === "year" ? (rest[1] ?? null) : null;
  const folder = year ? null : (rest[0] ?? null);
  const q = query.get("q") ?? "";
  const file = query.get("file");
  const kind = query.get("kind") ?? "all";
  const way = useLoaded(() => lineage(folder), [space.value?.short, folder]);
  const here = way.value?.at(-1);
  const title = here?.name ?? w().title;
  const folders = year || kind !== "all" ? [] : foldersIn(folder).value;
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const directory = useRef<HTMLInputElement>(null);
  const write = may("writer") && !year;

  useEffect(() => {
    side.value = <Tree />;
    void recall();
    return () => {
      side.value = null;
      leaveFolders();
    };
  }, [session.value?.user.id]);
  useHappenings(["folder."], forgetFolders);

  const take = (list: ReturnType<typeof chosen>) => add(list, space.value!.short, folder);
  const onDrop = async (event: DragEvent) => {
    setOver(false);
    if (!write || !event.dataTransfer || event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    take(await dropped(event.dataTransfer));
  };
  const upload = (
    <Menu
      label={w().upload}
      class="button main"
      choices={[
        { label: w().uploadFiles, icon: "file", onChoose: () => files.current!.click() },
        { label: w().uploadFolder, icon: "folder", onChoose: () => directory.current!.click() },
      ]}
    >
      <Icon name="upload" size={18} /> <span>{w().upload}</span>
    </Menu>
  );

  return (
    <div
      class={`files ${file ? "with-details" : ""}`}
      onDragOver={(event) => {
        const types = event.dataTransfer?.types;
        if (!write || !types?.includes("Files") || types.includes(DRAGGED)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!(event.currentTarget as HTMLElement).contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => void onDrop(event)}
    >
      <div class="page full">
        <header class="page-head">
          <h1 class="cut">{title}</h1>
          <SearchBox />
          {write && <Button icon="plus" onClick={() => actions.newFolder(folder)}>{w().newFolder}</Button>}
          {write && upload}
        </header>
        {q ? <Hits q={q} /> : (
          <>
            <div class="toolbar">
              {way.value && way.value.length > 0 && (
                <nav class="crumbs" aria-label={w().folder}>
                  {[null, ...way.value].map((each, index) => (
                    <Link key={each?.id ?? ""} to={address(each ? ["files", each.id] : ["files"])} class="crumb" current={index === way.value!.length}>
                      {each?.name ?? w().top}
                    </Link>
                  ))}
                </nav>
              )}
              <select class="input slim" aria-label={w().kind} value={kind}
                onChange={(event) => ask({ kind: event.currentTarget.value === "all" ? undefined : event.currentTarget.value }, true)}>
                {Object.entries(kinds()).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
              </select>
            </div>
            {way.error ? <Problem error={way.error} /> : (
              <List
                label={title}
                query={{
                  folder: year ? undefined : (folder ?? "root"),
                  year: year ?? undefined,
                  sort: query.get("sort") ?? "name",
                  filter: KINDS[kind],
                }}
                folders={folders}
                empty={write ? (
                  <Empty icon="upload" title={w().empty}>
                    <p>{w().emptyText}</p>
                    {upload}
                  </Empty>
                ) : <Empty icon="files" title={w().emptyReader} />}
              />
            )}
          </>
        )}
        <input ref={files} type="file" multiple hidden aria-label={w().uploadFiles}
          onChange={(event) => { take(chosen(event.currentTarget.files)); event.currentTarget.value = ""; }} />
        <input ref={directory} type="file" hidden {...{ webkitdirectory: true }} aria-label={w().uploadFolder}
          onChange={(event) => { take(chosen(event.currentTarget.files)); event.currentTarget.value = ""; }} />
      </div>
      {file && <Details id={file} />}
      {over && <div class="drop-veil"><p><Icon name="upload" size={28} /> {w().dropHere(title)}</p></div>}
      <UploadPanel />
    </div>
  );
}

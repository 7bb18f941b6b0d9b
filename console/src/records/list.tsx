// The records of a type: by number or title, those whose title begins so, the trash.
import { get, may, space } from "../core/api";
import { usePaged } from "../core/listing";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { address, ask, go, place } from "../core/places";
import { number, when } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { Search, Select } from "../parts/fields";
import { Badge, Empty, Loading, Problem } from "../parts/states";
import { type Column, Table } from "../parts/tables";
import { type Rec, titleOf, typeOf } from "./model";
import { w } from "./words";

export function RecordList({ type }: { type: string }) {
  const { query } = place.value;
  const q = query.get("q") ?? "";
  const state = query.get("state") ?? "live";
  const sort = query.get("sort") ?? "-number";
  const kind = useLoaded(() => typeOf(type), [space.value?.short, type]);
  const narrow = { type, state, title: q };
  const { list, refresh } = usePaged<Rec>(
    async (cursor, signal) => {
      const asked = { ...narrow, order: sort, limit: cursor ? 500 : 100, cursor };
      const page = await get<{ records: Rec[]; next: string | null }>("/records", asked, { signal });
      return { rows: page.records, next: page.next };
    },
    [space.value?.short, narrow, sort],
    async (signal) => (await get<{ count: number }>("/records/count", narrow, { signal })).count,
  );
  list?.version.value;
  useHappenings(["record."], refresh);

  const columns: Column<Rec>[] = [
    { key: "number", title: w().number, width: "6.5rem", sort: "number", cell: (row) => number(row.number_in_type) },
    {
      key: "title",
      title: w().name,
      opens: true,
      width: "minmax(10rem, 1fr)",
      sort: "title",
      cell: (row) => (
        <>
          <span class="strong cut">{titleOf(row)}</span>
          {row.locked_by !== null && <Badge tone="warm">{w().locked}</Badge>}
        </>
      ),
    },
    { key: "revision", title: w().revision, width: "6.5rem", right: true, hide: 1, cell: (row) => number(row.revision) },
    { key: "updated", title: w().updated, width: "8rem", right: true, hide: 2, cell: (row) => when(row.updated_at) },
  ];

  return (
    <div class="page full">
      <header class="page-head">
        <h1>{kind.value?.label || type}</h1>
        {may("writer") && <Button kind="main" icon="plus" onClick={() => go(address(["records", type], { make: "1" }))}>{w().make}</Button>}
        <p class="lead"><Link to={address(["records"])}>{w().back}</Link></p>
      </header>
      <div class="form row record-filters">
        <Search label={w().search} q={q} />
        <Select label={w().state} value={state} onChange={(chosen) => ask({ state: chosen === "live" ? undefined : chosen })}
          options={[["live", w().live], ["trashed", w().trashed]]} />
      </div>
      {list?.error.value && !list.rows.length ? <Problem error={list.error.value} onRetry={list.retry} />
        : !list?.ready.value ? <Loading />
        : !list.count.value ? <Empty icon="type" title={q ? w().noHits : w().empty}>{q ? null : w().emptyText}</Empty>
        : (
          <>
            <div class="list">
              <Table<Rec> label={kind.value?.label || type} columns={columns} count={list.count.value} row={list.at}
                id={(row) => row.id} name={titleOf} onNeed={list.need} sort={sort}
                onSort={(chosen) => ask({ sort: chosen }, true)} to={(row) => address(["records", type, row.id])} />
            </div>
            <footer class="list-foot" aria-live="polite"><span class="quiet small">{w().count(list.count.value)}</span></footer>
          </>
        )}
    </div>
  );
}

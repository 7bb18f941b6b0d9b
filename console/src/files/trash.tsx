// What was deleted and can still be put back.
import { Empty } from "../parts/states";
import { List } from "./list";
import { w } from "./words";

export default function Trash() {
  return (
    <div class="page full">
      <header class="page-head">
        <h1>{w().trash}</h1>
        <p class="lead">{w().trashLead}</p>
      </header>
      <List
        label={w().trash}
        query={{ state: "released", sort: "-updated_at" }}
        trash
        empty={<Empty icon="trash" title={w().trashEmpty}>{w().trashEmptyText}</Empty>}
      />
    </div>
  );
}

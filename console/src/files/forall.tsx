// What is done with all files that a list has, loaded or not: a job of the server, told the filter.
// How many files that is about, exactly, is said before it is done.
import { useState } from "preact/hooks";
import { may, post } from "../core/api";
import { address, go } from "../core/places";
import { size } from "../core/words";
import { Button } from "../parts/buttons";
import { FormDialog, open } from "../parts/dialogs";
import { Select, TextField } from "../parts/fields";
import { complain, notify } from "../parts/notices";
import { Move, split } from "./actions";
import type { Job } from "./model";
import { w } from "./words";

type Query = Record<string, string | string[] | undefined>;

interface Foreseen {
  count: number;
  size: number;
  skipped: number;
}

interface ForAllProps {
  query: Query;
  after: () => void;
}

/** The buttons below the table while everything is selected. */
export function ForAll({ query, after }: ForAllProps) {
  const { sort: _, ...narrow } = query;
  const asked = { query: { ...narrow, all: true } };
  // Deleting, moving and tagging leave the same files alone.
  const foreseen = (action: "delete" | "export", work: (told: Foreseen) => void) => () =>
    void post<Foreseen>("/bulk", { action, dry_run: true }, asked).then(work, complain);
  const start = async (order: Record<string, unknown>) => {
    const job = await post<Job>("/bulk", order, asked);
    notify(w().allStarted, { label: w().allFollow, work: () => go(address(["jobs", job.id])) });
    after();
  };
  return (
    <>
      <Button icon="download" onClick={foreseen("export", (told) => open(<Export told={told} start={start} />))}>{w().download}</Button>
      {may("writer") && (
        <>
          <Button
            icon="move"
            onClick={foreseen("delete", (told) =>
              open(<Move title={w().moveTitle(told.count)} text={says(told)} work={(to) => start({ action: "move", to: to ?? "root" })} />))}
          >
            {w().move}
          </Button>
          <Button icon="tag" onClick={foreseen("delete", (told) => open(<Tags told={told} start={start} />))}>{w().tag}</Button>
          <Button icon="trash" onClick={foreseen("delete", (told) => open(<Remove told={told} start={start} />))}>{w().remove}</Button>
        </>
      )}
    </>
  );
}

interface Told {
  told: Foreseen;
  start: (order: Record<string, unknown>) => Promise<void>;
}

/** How many files it is, and how many are left alone. */
const says = ({ count, skipped }: Foreseen) =>
  [w().allCount(count), skipped > 0 && w().allSkipped(skipped)].filter(Boolean).join(" ");

function Remove({ told, start }: Told) {
  return (
    <FormDialog title={w().allRemoveTitle(told.count)} action={w().remove} danger disabled={!told.count} onSubmit={() => start({ action: "delete" })}>
      <p>{says(told)} {w().allRemoveText}</p>
    </FormDialog>
  );
}

function Tags({ told, start }: Told) {
  const [adding, setAdding] = useState("");
  const [removing, setRemoving] = useState("");
  const order = { action: "tag", add: split(adding), remove: split(removing) };
  return (
    <FormDialog title={w().tagsTitle(told.count)} action={w().save} disabled={!told.count || !(order.add.length + order.remove.length)} onSubmit={() => start(order)}>
      <p>{says(told)}</p>
      <TextField label={w().tagsAdd} hint={w().tagsHint} value={adding} onInput={setAdding} focus />
      <TextField label={w().tagsRemove} hint={w().tagsHint} value={removing} onInput={setRemoving} />
    </FormDialog>
  );
}

function Export({ told, start }: Told) {
  const [format, setFormat] = useState<"zip" | "csv">("zip");
  return (
    <FormDialog title={w().allExportTitle(told.count)} action={w().download} onSubmit={() => start({ action: "export", format })}>
      <p>{says(told)} {w().allSize(size(told.size))} {w().allExportText}</p>
      <Select label={w().allFormat} value={format} onChange={setFormat} options={[["zip", w().allZip], ["csv", w().allCsv]]} />
    </FormDialog>
  );
}

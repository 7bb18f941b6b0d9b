// The uploads of this tab, at the edge of the page: how far each is, and what to do about it.
import { useRef, useState } from "preact/hooks";
import { size } from "../core/words";
import { IconButton, Button, Spinner } from "../parts/buttons";
import { Checkbox } from "../parts/fields";
import { Icon } from "../parts/icons";
import { notify } from "../parts/notices";
import { Progress } from "../parts/states";
import * as uploads from "./uploads";
import type { Item } from "./uploads";
import { w } from "./words";

const MOST = 200;

export function UploadPanel() {
  const [folded, setFolded] = useState(false);
  const all = uploads.items.value;
  if (!all.length) return null;
  const left = all.filter((each) => each.state.value !== "done").length;
  const shown = [...all.filter((each) => each.state.value !== "done"), ...all.filter((each) => each.state.value === "done")];
  return (
    <section class={`uploads ${folded ? "folded" : ""}`} aria-label={w().uploads}>
      <header>
        <h2 aria-live="polite">{left ? w().uploading(left) : w().allDone}</h2>
        <IconButton icon={folded ? "up" : "down"} label={folded ? w().unfold : w().fold} expanded={!folded} onClick={() => setFolded(!folded)} />
        {!left && <IconButton icon="close" label={w().clear} onClick={uploads.clear} />}
      </header>
      {!folded && (
        <>
          <ul tabIndex={0} aria-label={w().uploads}>
            {shown.slice(0, MOST).map((each) => <Line key={each.id} item={each} />)}
          </ul>
          <footer>
            <Checkbox label={w().readScans} checked={uploads.recognises.value} onChange={uploads.recogniseScans} />
          </footer>
        </>
      )}
    </section>
  );
}

function Line({ item }: { item: Item }) {
  const state = item.state.value;
  return (
    <li class="upload" data-state={state}>
      <div class="upload-main">
        <span class="cut" title={item.name}>{item.name}</span>
        <Said item={item} />
        {["sending", "paused", "stalled", "waiting"].includes(state) && (
          <Progress label={item.name} done={item.sent.value} total={item.size || 1} />
        )}
        {state === "lost" && <Lost item={item} />}
      </div>
      {state === "sending" && <IconButton icon="pause" label={w().pause(item.name)} onClick={() => uploads.pause(item)} />}
      {state === "paused" && <IconButton icon="play" label={w().resume(item.name)} onClick={() => uploads.resume(item)} />}
      {state === "failed" && <IconButton icon="refresh" label={w().retry(item.name)} onClick={() => uploads.resume(item)} />}
      {state === "done" ? <span class="upload-done"><Icon name="check" /></span>
        : <IconButton icon="close" label={w().cancel(item.name)} onClick={() => uploads.cancel(item)} />}
    </li>
  );
}

function Said({ item }: { item: Item }) {
  const reading = item.reading.value;
  const state = item.state.value;
  const far = `${size(item.sent.value)} / ${size(item.size)}`;
  const words: Record<uploads.State, string> = {
    waiting: w().waiting,
    sending: far,
    paused: `${w().paused} · ${far}`,
    stalled: w().stalled,
    failed: item.refused.value === 507 ? w().noRoom : w().refused,
    lost: w().lost,
    done: {
      none: w().done, reading: w().reading, read: w().readState, recognised: w().recognised,
      empty: w().textEmpty, credits: w().credits, failed: w().textEmpty,
    }[reading],
  };
  return (
    <span class={`small ${state === "failed" ? "bad" : "quiet"}`}>
      {reading === "reading" && state === "done" && <Spinner />} {words[state]}
    </span>
  );
}

function Lost({ item }: { item: Item }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <span class="small quiet">{w().lostText}</span>
      <Button
        onClick={async () => {
          if (!(await uploads.reopen(item))) picker.current?.click();
        }}
      >
        {w().choose}
      </Button>
      <input
        ref={picker}
        type="file"
        hidden
        aria-label={`${w().choose}: ${item.name}`}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file && !uploads.takeUp(item, file)) notify(w().wrongFile, undefined, true);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}

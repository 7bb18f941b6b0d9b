// One record: its values, its files, its frozen revisions, and what can be done with it.
import { may, space } from "../core/api";
import { useHappenings } from "../core/live";
import { useLoaded } from "../core/loading";
import { address, go, place } from "../core/places";
import { moment, number } from "../core/words";
import { Button, Link } from "../parts/buttons";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menus";
import { complain, notify } from "../parts/notices";
import { Badge, Loading, Problem } from "../parts/states";
import { Files } from "./files";
import * as model from "./model";
import { type Rec, type Type, titleOf } from "./model";
import { w } from "./words";

export function OneRecord({ type, id }: { type: string; id: string }) {
  const revision = place.value.query.get("revision") ?? undefined;
  const found = useLoaded(async () => {
    const record = await model.recordOf(id, revision);
    return { record, type: await model.typeOf(record.type, record.type_version) };
  }, [space.value?.short, id, revision]);
  useHappenings(["record.", "file.replaced"], found.reload);
  const shown = found.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{shown ? titleOf(shown.record) : w().title}</h1>
        {shown && <Marks record={shown.record} />}
        {shown && model.isOpen(shown.record) && (
          <Button icon="edit" onClick={() => go(address(["records", type, id], { edit: "1" }))}>{w().edit}</Button>
        )}
        {shown && <Actions record={shown.record} after={found.reload} />}
        <p class="lead"><Link to={address(["records", type])}>{w().backTo(shown?.type.label || type)}</Link></p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} /> : !shown ? <Loading /> : (
        <>
          {shown.record.state === "frozen" && (
            <p class="record-frozen">
              <Icon name="info" size={18} /> <span>{w().isFrozen(shown.record.revision)}</span>
              <Link to={address(["records", type, String(shown.record.live ?? id)])}>{w().present}</Link>
            </p>
          )}
          <Values {...shown} />
          <Files record={shown.record} type={shown.type} after={found.reload} />
          {shown.record.state !== "frozen" && <Revisions record={shown.record} />}
        </>
      )}
    </div>
  );
}

function Marks({ record }: { record: Rec }) {
  return (
    <>
      {record.state === "trashed" && <Badge tone="bad">{w().trashed}</Badge>}
      {record.state === "frozen" && <Badge tone="warm">{w().frozen}</Badge>}
      {record.locked_by !== null && <Badge tone="warm">{w().locked}</Badge>}
    </>
  );
}

function Actions({ record, after }: { record: Rec; after: () => void }) {
  if (record.state === "frozen") return null;
  const isLive = record.state === "live";
  const isOpen = model.isOpen(record);
  const work = (done: Promise<string>) => void done.then((text) => { notify(text); after(); }, complain);
  return (
    <Menu
      label={w().actions}
      choices={[
        { label: w().freeze, icon: "copy", disabled: !isOpen, onChoose: () => work(model.freeze(record.id).then((made) => w().froze(made.revision))) },
        record.locked_by === null
          ? { label: w().lock, icon: "lock", disabled: !isOpen, onChoose: () => work(model.lock(record.id).then(() => w().locked)) }
          : { label: w().unlock, icon: "lock", disabled: !isLive || !may("writer"), onChoose: () => work(model.unlock(record.id).then(() => w().unlocked)) },
        isLive
          ? { label: w().remove, icon: "trash", danger: true, apart: true, disabled: !isOpen, onChoose: () => work(model.trash(record.id).then(() => w().removed)) }
          : { label: w().restore, icon: "restore", apart: true, disabled: !may("writer"), onChoose: () => work(model.restore(record.id).then(() => w().restored)) },
      ]}
    >
      <Icon name="more" />
    </Menu>
  );
}

function Values({ record, type }: { record: Rec; type: Type }) {
  const fields = type.fields.filter((each) => !model.isFile(each) && !model.isStructure(each) && each.visibility !== "I");
  return (
    <section class="card">
      <h2>{w().values}</h2>
      {!fields.length && <p class="quiet">{w().noValues}</p>}
      <dl class="facts">
        {fields.map((field) => {
          const lines = model.linesOf(field, record.values[field.id]);
          return (
            <>
              <dt>{field.label || field.id}</dt>
              <dd class="record-value">{lines.length ? lines.map((line) => <div>{line}</div>) : "–"}</dd>
            </>
          );
        })}
      </dl>
      <hr />
      <dl class="facts small">
        <dt>{w().number}</dt><dd>{number(record.number_in_type)}</dd>
        <dt>{w().id}</dt><dd><code>{record.name ?? record.id}</code></dd>
        <dt>{w().made}</dt><dd>{moment(record.created_at)}</dd>
        <dt>{w().updated}</dt><dd>{moment(record.updated_at)}</dd>
      </dl>
    </section>
  );
}

function Revisions({ record }: { record: Rec }) {
  const found = useLoaded(() => model.revisionsOf(record.id), [record.id, record.revision, record.updated_at, record.state]);
  const revisions = [...(found.value?.revisions ?? [])].reverse();
  if (record.state === "trashed") return null;
  return (
    <section class="card">
      <h2>{w().revisions}</h2>
      {found.error ? <Problem error={found.error} /> : !revisions.length && <p class="quiet">{w().noRevisions}</p>}
      <ul class="rows">
        {revisions.map((each) => (
          <li key={each.number}>
            <div class="rows-main">
              <Link to={address([...[place.value.area], ...place.value.rest], { revision: String(each.revision) })}>
                {`${w().revision} ${number(each.revision)}`}
              </Link>
              <span class="quiet small">{titleOf(each)} · {moment(each.updated_at)}</span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

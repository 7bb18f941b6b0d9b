// Records: the types of a space, the records of one, one record.
import { place } from "../core/places";
import { EditRecord, MakeRecord } from "./form";
import { RecordList } from "./list";
import { OneRecord } from "./record";
import { TypeList } from "./types";

export default function Records() {
  const [type, id] = place.value.rest;
  const { query } = place.value;
  if (id && query.has("edit")) return <EditRecord key={id} type={type!} id={id} />;
  if (type && query.has("make")) return <MakeRecord key={type} type={type} />;
  if (id) return <OneRecord key={id} type={type!} id={id} />;
  return type ? <RecordList key={type} type={type} /> : <TypeList />;
}

// Records: the types of a space, the records of one, one record.
import { place } from "../core/places";
import { RecordList } from "./list";
import { OneRecord } from "./record";
import { TypeList } from "./types";

export default function Records() {
  const [type, id] = place.value.rest;
  if (id) return <OneRecord key={id} type={type!} id={id} />;
  return type ? <RecordList key={type} type={type} /> : <TypeList />;
}

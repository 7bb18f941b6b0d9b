// Imports: a file is chosen, looked at and started; one import with what it refused.
import { place } from "../core/places";
import { OneImport } from "./one";
import { Start } from "./start";

export default function Imports() {
  const [id] = place.value.rest;
  return id ? <OneImport key={id} id={id} /> : <Start />;
}

// The jobs of a space: one's own, all of them to managers; one job with what it did.
import { place } from "../core/places";
import { OneJob } from "./job";
import { JobList } from "./list";

export default function Jobs() {
  const [id] = place.value.rest;
  return id ? <OneJob key={id} id={id} /> : <JobList />;
}

// The types of records that a space has.
import { space } from "../core/api";
import { useLoaded } from "../core/loading";
import { address } from "../core/places";
import { number, when } from "../core/words";
import { Link } from "../parts/buttons";
import { Badge, Empty, Loading, Problem } from "../parts/states";
import { allTypes, isStructure } from "./model";
import { w } from "./words";

export function TypeList() {
  const found = useLoaded(allTypes, [space.value?.short]);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{w().title}</h1>
        <p class="lead">{w().lead}</p>
      </header>
      {found.error ? <Problem error={found.error} onRetry={found.reload} />
        : !found.value ? <Loading />
        : !found.value.length ? <Empty icon="type" title={w().none}>{w().noneText}</Empty>
        : (
          <div class="plain-frame">
            <table class="plain-table">
              <thead>
                <tr>
                  <th>{w().type}</th><th>{w().system}</th><th>{w().dialect}</th>
                  <th class="right">{w().fields}</th><th class="right">{w().version}</th><th class="right">{w().changed}</th>
                </tr>
              </thead>
              <tbody>
                {found.value.map((each) => (
                  <tr key={each.number}>
                    <td><Link to={address(["records", each.name])}>{each.label || each.name}</Link></td>
                    <td><code>{each.name}</code></td>
                    <td><Badge>{each.dialect}</Badge></td>
                    <td class="right">{number(each.fields.filter((field) => !isStructure(field)).length)}</td>
                    <td class="right">{number(each.version)}</td>
                    <td class="right">{when(each.updated_at ?? each.created_at)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
    </div>
  );
}

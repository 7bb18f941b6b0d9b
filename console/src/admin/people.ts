// Names of the members of the present space, by their numbers.
import { get, space } from "../core/api";
import { useLoaded } from "../core/loading";

interface Member {
  user: number;
  email: string;
  name: string;
}

/** Return what people are called whose numbers stand in keys and events, if they are needed. */
export function useNames(needed = true): (user: number) => string | undefined {
  const path = `/spaces/${space.value!.short}/members`;
  const found = useLoaded(
    async (signal) => (needed ? (await get<{ members: Member[] }>(path, { limit: 1000 }, { signal })).members : []),
    [path, needed],
  );
  const names = new Map(found.value?.map((each) => [each.user, each.name || each.email]));
  return (user) => names.get(user);
}

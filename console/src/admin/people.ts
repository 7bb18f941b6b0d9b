// Names of the members of the present space, by their numbers.
import { get, space } from "../core/api";
import { useLoaded } from "../core/loading";

interface Member {
  user: number;
  email: string;
  name: string;
}

/** Return the members of the space with what they are called, if they are needed. */
export function useMembers(needed = true): [user: number, name: string][] {
  const path = `/spaces/${space.value!.short}/members`;
  const found = useLoaded(
    async (signal) => (needed ? (await get<{ members: Member[] }>(path, { limit: 1000 }, { signal })).members : []),
    [path, needed],
  );
  return (found.value ?? []).map((each) => [each.user, each.name || each.email]);
}

/** Return what people are called whose numbers stand in keys and events, if they are needed. */
export function useNames(needed = true): (user: number) => string | undefined {
  const names = new Map(useMembers(needed));
  return (user) => names.get(user);
}

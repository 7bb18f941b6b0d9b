// Uploads that were not finished when the page went away, in the browser's own database.

export interface Kept {
  /** The upload's own URL: what the server knows it by. */
  url: string;
  space: string;
  user: number;
  name: string;
  size: number;
  modified: number;
  folder: string | null;
  /** Where the browser has them: the file can be opened again without asking for it. */
  handle: FileSystemFileHandle | null;
}

const STORE = "uploads";

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("consigne", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "url" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const base = await database();
  try {
    return await new Promise((resolve, reject) => {
      const asked = work(base.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } finally {
    base.close();
  }
}

// Without the database (a private window, say) uploads work and cannot be taken up after a reload.
export const keep = (one: Kept): Promise<unknown> => run("readwrite", (store) => store.put(one)).catch(() => {});
export const drop = (url: string): Promise<unknown> => run("readwrite", (store) => store.delete(url)).catch(() => {});
export const all = (): Promise<Kept[]> => run<Kept[]>("readonly", (store) => store.getAll()).catch(() => []);

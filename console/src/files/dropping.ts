// Files and folders that someone drops or chooses, each with its place in what was dropped.

export interface Dropped {
  file: globalThis.File;
  /** The folders above it, as they were dropped. */
  path: string[];
  handle: FileSystemFileHandle | null;
}

/** Read a drop. What the event gives must be taken while it lasts: call it at once. */
export async function dropped(transfer: DataTransfer): Promise<Dropped[]> {
  const items = [...transfer.items].filter((each) => each.kind === "file");
  const taken = items.map((each) => ({
    handle: "getAsFileSystemHandle" in each
      ? (each.getAsFileSystemHandle as () => Promise<FileSystemHandle | null>)().catch(() => null)
      : Promise.resolve(null),
    entry: each.webkitGetAsEntry?.() ?? null,
    file: each.getAsFile(),
  }));
  const found: Dropped[] = [];
  for (const { handle, entry, file } of taken) {
    const opened = await handle;
    if (opened) await fromHandle(opened, [], found);
    else if (entry) await fromEntry(entry, [], found);
    else if (file) found.push({ file, path: [], handle: null });
  }
  return found;
}

/** Read what was chosen in a dialog, of files or of a folder. */
export function chosen(list: FileList | null): Dropped[] {
  return [...(list ?? [])].map((file) => ({
    file,
    path: (file.webkitRelativePath || "").split("/").slice(0, -1),
    handle: null,
  }));
}

async function fromHandle(handle: FileSystemHandle, path: string[], found: Dropped[]): Promise<void> {
  if (handle.kind === "file") {
    const own = handle as FileSystemFileHandle;
    found.push({ file: await own.getFile(), path, handle: own });
    return;
  }
  for await (const each of (handle as FileSystemDirectoryHandle).values()) {
    await fromHandle(each, [...path, handle.name], found);
  }
}

async function fromEntry(entry: FileSystemEntry, path: string[], found: Dropped[]): Promise<void> {
  if (entry.isFile) {
    const own = entry as FileSystemFileEntry;
    const file = await new Promise<globalThis.File>((resolve, reject) => own.file(resolve, reject));
    found.push({ file, path, handle: null });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // It gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await fromEntry(each, [...path, entry.name], found);
  }
}

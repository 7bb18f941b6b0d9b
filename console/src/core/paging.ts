// A list that the server gives page by page, behind one that can be scrolled anywhere in.
import { type Signal, batch, signal } from "@preact/signals";

export interface Page<T> {
  rows: T[];
  next: string | null;
}

/** Reads pages one behind the other, as far as rows are needed. */
export class Paged<T> {
  readonly rows: T[] = [];
  readonly count: Signal<number> = signal(0);
  readonly ready: Signal<boolean> = signal(false);
  readonly error: Signal<unknown> = signal(null);
  /** Changes whenever rows do: read it in a component that shows them. */
  readonly version: Signal<number> = signal(0);
  /** Whether all rows are read. */
  complete = false;
  private cursor: string | null = null;
  private needed = 0;
  private reading: Promise<void> | null = null;
  private readonly stopping = new AbortController();

  /** `read` gives the page behind a cursor; `total`, if known, how many rows there are in all. */
  constructor(
    private readonly read: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>,
    total?: (signal: AbortSignal) => Promise<number>,
  ) {
    total?.(this.stopping.signal).then(
      (found) => {
        if (!this.complete && found > this.count.value) this.count.value = found;
      },
      () => {},
    );
    this.need(0);
  }

  need = (last: number): void => {
    this.needed = Math.max(this.needed, last);
    this.reading ??= this.go().finally(() => {
      this.reading = null;
    });
  };

  /** Wait until a row is read, or the last one, or reading failed. */
  async reach(last: number): Promise<void> {
    this.need(last);
    await this.reading;
  }

  at = (index: number): T | undefined => this.rows[index];

  /** Put a row in the place of the one that `same` finds; undefined takes it away. */
  change(same: (row: T) => boolean, row?: T): void {
    const index = this.rows.findIndex(same);
    if (index < 0) return;
    if (row) this.rows[index] = row;
    else {
      this.rows.splice(index, 1);
      this.count.value -= 1;
    }
    this.version.value += 1;
  }

  retry = (): void => {
    this.error.value = null;
    this.need(0);
  };

  stop(): void {
    this.stopping.abort();
  }

  private async go(): Promise<void> {
    try {
      while (!this.complete && !this.error.value && this.rows.length <= this.needed) {
        const page = await this.read(this.cursor, this.stopping.signal);
        if (this.stopping.signal.aborted) return;
        batch(() => {
          this.rows.push(...page.rows);
          this.cursor = page.next;
          this.complete = page.next === null;
          if (this.complete || this.rows.length > this.count.value) this.count.value = this.rows.length;
          this.ready.value = true;
          this.version.value += 1;
        });
      }
    } catch (error) {
      if (!this.stopping.signal.aborted) this.error.value = error;
    }
  }
}

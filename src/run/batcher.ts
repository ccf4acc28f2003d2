/** Gathers single requests into batches: the first goes at once, those that come while batches are under way go together. */

/** How a batcher works. */
interface BatcherOptions<Item, Answer> {
  /** Most items of one batch. */
  readonly maxItems: number;
  /** Names what an item is about: no two items about the same travel in one batch. By default each is by itself. */
  readonly keyOf?: (item: Item) => string;
  /** Most batches under way at once. */
  readonly maxInFlight: number;
  /** Does the work; answers in the order given. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Coalesces calls of `add` into calls of `run`. */
export class Batcher<Item, Answer> {
  readonly #options: BatcherOptions<Item, Answer>;
  #waiting: Waiting<Item, Answer>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  /** Adds one item; settles with its answer. */
  add(item: Item): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  /** Waits one microtask, so that what is added in the same turn travels together. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.#options.maxInFlight) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  #batchSize(): number {
    const { maxItems, keyOf } = this.#options;
    const most = Math.min(maxItems, this.#waiting.length);
    if (keyOf === undefined) return most;
    const keys = new Set<string>();
    for (const { item } of this.#waiting) {
      if (keys.size === most || keys.has(keyOf(item))) break;
      keys.add(keyOf(item));
    }
    return keys.size;
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0 || this.#inFlight >= this.#options.maxInFlight) return;
    const batch = this.#waiting.splice(0, this.#batchSize());
    this.#inFlight += 1;
    if (this.#waiting.length > 0) this.#schedule();
    try {
      const answers = await this.#options.run(batch.map((waiting) => waiting.item));
      batch.forEach((waiting, index) => waiting.resolve(answers[index] as Answer)); // run answers each item, in order
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    } finally {
      this.#inFlight -= 1;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}

/** Gathers single requests into batches: the first goes at once, those that come while batches are under way go together. */

/** How requests are gathered. */
interface Gathering<Item, Answer> {
  /** Most items of one batch. */
  readonly maxItems: number;
  /** Most batches under way at once. */
  readonly maxInFlight: number;
  /** Does the work; answers in the order given. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>;
}

/** How a batcher works. */
interface BatcherOptions<Item, Answer> extends Gathering<Item, Answer> {
  /** Names what an item is about: no two items about the same travel in one batch. By default each is by itself. */
  readonly keyOf?: (item: Item) => string;
  /** Calls back when what belongs together has been added. Default: after a microtask. */
  readonly soon?: (callback: () => void) => void;
  /** Hears of each item of a batch that was run. */
  readonly answered: (item: Item, answer: Answer) => void;
  /** Hears of each item of a batch whose run rejected. */
  readonly failed: (item: Item, error: unknown) => void;
}

/** Coalesces calls of `add` into calls of `run`. Each task passes here: it costs no promise and no closure of its own. */
export class Batcher<Item, Answer> {
  readonly #options: BatcherOptions<Item, Answer>;
  #waiting: Item[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<Item, Answer>) {
    this.#options = options;
  }

  /** Adds one item; `answered` or `failed` hears of it, once. */
  add(item: Item): void {
    this.#waiting.push(item);
    this.#schedule();
  }

  /** Waits a moment, so that what is added in it travels together. */
  #schedule(): void {
    const { maxInFlight, soon = queueMicrotask } = this.#options;
    if (this.#scheduled || this.#inFlight >= maxInFlight) return;
    this.#scheduled = true;
    soon(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  #batchSize(): number {
    const { maxItems, keyOf } = this.#options;
    const most = Math.min(maxItems, this.#waiting.length);
    if (keyOf === undefined) return most;
    const keys = new Set<string>();
    for (const item of this.#waiting) {
      if (keys.size === most || keys.has(keyOf(item))) break;
      keys.add(keyOf(item));
    }
    return keys.size;
  }

  async #flush(): Promise<void> {
    const { maxInFlight, run, answered, failed } = this.#options;
    if (this.#waiting.length === 0 || this.#inFlight >= maxInFlight) return;
    const batch = this.#waiting.splice(0, this.#batchSize());
    this.#inFlight += 1;
    if (this.#waiting.length > 0) this.#schedule();
    try {
      const answers = await run(batch);
      batch.forEach((item, index) => answered(item, answers[index] as Answer)); // run answers each item, in order
    } catch (error) {
      for (const item of batch) failed(item, error);
    } finally {
      this.#inFlight -= 1;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}

interface Question<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers questions; each is answered by itself. */
export class Questions<Item, Answer> {
  readonly #batcher: Batcher<Question<Item, Answer>, Answer>;

  constructor({ run, ...limits }: Gathering<Item, Answer>) {
    this.#batcher = new Batcher({
      ...limits,
      run: (questions) => run(questions.map(({ item }) => item)),
      answered: ({ resolve }, answer) => resolve(answer),
      failed: ({ reject }, error) => reject(error),
    });
  }

  /** Asks about one item; settles with its answer. */
  ask(item: Item): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => this.#batcher.add({ item, resolve, reject }));
  }
}

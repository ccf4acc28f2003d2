/** Where the next claim of a type with keys looks: a store that looks at a piece of its queue, and at some keys, goes on from there. */

/** Where a piece of the queue begins: behind that instant and task. */
export interface QueuePlace {
  readonly at: string;
  readonly id: string;
}

/** Where a claim begins: at the first where null. */
export interface KeyPlace {
  readonly front: QueuePlace | null;
  readonly afterKey: string | null;
}

/** What a claim told of one type. */
export interface KeyReach {
  /** Its piece of the queue was full, and yet gave less than there was room for, so that keys were looked at one by one. */
  readonly isClogged: boolean;
  /** The end of its piece. */
  readonly last: QueuePlace | null;
  /** The last key it looked at; null when that was the last there is. */
  readonly lastKey: string | null;
}

const beginning: KeyPlace = Object.freeze({ front: null, afterKey: null });

/** The places of one process. They only say where to look first: with all of them forgotten nothing is missed. */
export class KeyPlaces {
  readonly #byType = new Map<string, KeyPlace>();

  /** Where the next claim of a type begins. */
  of(type: string): KeyPlace {
    return this.#byType.get(type) ?? beginning;
  }

  /**
   * Takes in what a claim told. After a piece that gave too little the next begins behind it; after any other it is the first
   * again, so that due order holds wherever it can. Answers whether keys are left that nobody has looked at.
   */
  note(type: string, { isClogged, last, lastKey }: KeyReach): boolean {
    if (isClogged) this.#byType.set(type, { front: last, afterKey: lastKey });
    else this.#byType.set(type, { ...this.of(type), front: null });
    return isClogged && lastKey !== null;
  }
}

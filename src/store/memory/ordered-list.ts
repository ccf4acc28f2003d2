/** A list that stays in order: what an index is to a database. Chunks keep insertion and removal cheap at any size. */

/** A chunk is split when it grows beyond this; small enough that moving its elements costs next to nothing. */
const LONGEST_CHUNK = 512;

/** Elements in the order of `compare`, which looks at their `Key`, tells every two apart, and never changes its mind. */
export class OrderedList<Element extends Key, Key = Element> {
  readonly #compare: (left: Key, right: Key) => number;
  readonly #chunks: Element[][] = [];
  #size = 0;

  constructor(compare: (left: Key, right: Key) => number) {
    this.#compare = compare;
  }

  /** How many elements there are. */
  get size(): number {
    return this.#size;
  }

  /** The first element in order, if there is any. */
  first(): Element | undefined {
    return this.#chunks[0]?.[0];
  }

  /** Puts an element in its place. */
  add(element: Element): void {
    this.#size += 1;
    const chunkIndex = Math.min(this.#chunkOf(element), this.#chunks.length - 1);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) {
      this.#chunks.push([element]);
      return;
    }
    chunk.splice(this.#placeIn(chunk, element), 0, element);
    if (chunk.length > LONGEST_CHUNK) {
      this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(LONGEST_CHUNK / 2));
    }
  }

  /** Takes an element out. It is a programmer's error when it is not there. */
  remove(element: Element): void {
    const chunkIndex = this.#chunkOf(element);
    const chunk = this.#chunks[chunkIndex];
    const place = chunk === undefined ? 0 : this.#placeIn(chunk, element);
    if (chunk === undefined || chunk[place] !== element) throw new Error("the element is not in the list");
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
    this.#size -= 1;
  }

  /** Walks upwards. The list must not change meanwhile. */
  *ascending(): Generator<Element, undefined> {
    for (const chunk of this.#chunks) yield* chunk;
    return undefined;
  }

  /** Walks upwards from the first element beyond `bound`, which need not be in the list. */
  *after(bound: Key): Generator<Element, undefined> {
    for (let chunkIndex = this.#chunkOf(bound); chunkIndex < this.#chunks.length; chunkIndex += 1) {
      for (const element of this.#chunks[chunkIndex] ?? []) {
        if (this.#compare(element, bound) > 0) yield element;
      }
    }
    return undefined;
  }

  /** Walks downwards from the last element before `bound`, or from the end when there is none. */
  *descending(bound?: Key): Generator<Element, undefined> {
    const last = this.#chunks.length - 1;
    const from = bound === undefined ? last : Math.min(this.#chunkOf(bound), last);
    for (let chunkIndex = from; chunkIndex >= 0; chunkIndex -= 1) {
      const chunk = this.#chunks[chunkIndex] ?? [];
      for (let place = chunk.length - 1; place >= 0; place -= 1) {
        const element = chunk[place] as Element;
        if (bound === undefined || this.#compare(element, bound) < 0) yield element;
      }
    }
    return undefined;
  }

  /** Index of the first chunk whose last element is not before `element`; one too far when there is none. */
  #chunkOf(element: Key): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle] as Element[];
      if (this.#compare(chunk[chunk.length - 1] as Element, element) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index in `chunk` of the first element that is not before `element`. */
  #placeIn(chunk: readonly Element[], element: Key): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(chunk[middle] as Element, element) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

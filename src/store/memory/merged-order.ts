/** Walks several ordered sources as one. */

/** Yields the elements of all sources in order. Takes from a source only what it yields, and one more. */
export function* mergedInOrder<Element>(
  sources: readonly Iterator<Element, unknown>[],
  compare: (left: Element, right: Element) => number,
): Generator<Element, undefined> {
  // Sorted so that the next element to yield is the last: taking it off costs nothing.
  const heads: { element: Element; source: Iterator<Element, unknown> }[] = [];
  const pull = (source: Iterator<Element, unknown>): void => {
    const next = source.next();
    if (next.done === true) return;
    let low = 0;
    let high = heads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare((heads[middle] as { element: Element }).element, next.value) > 0) low = middle + 1;
      else high = middle;
    }
    heads.splice(low, 0, { element: next.value, source });
  };
  for (const source of sources) pull(source);
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head.element;
    pull(head.source);
  }
  return undefined;
}

// Binary search.

/** How many leading elements are below: `isBelow` holds for a beginning of the elements and for none after it. */
export function countBelow<Element>(
  elements: readonly Element[],
  isBelow: (element: Element) => boolean,
): number {
  let low = 0;
  let high = elements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(elements[middle] as Element)) low = middle + 1;
    else high = middle;
  }
  return low;
}

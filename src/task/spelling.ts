/** Finds the word that was meant by one that is not known. Pure. */

/** Words that differ in more letters than these are not taken for each other. */
const LARGEST_MISSPELLING = 2;

/** The word that is nearest to a misspelt one; null when none is near. */
export function nearestWord(text: string, words: readonly string[]): string | null {
  const wrong = text.slice(0, 40).toLowerCase();
  const distances = words.map((word) => editDistance(wrong, word.toLowerCase()));
  const least = Math.min(...distances);
  const isNear = least <= LARGEST_MISSPELLING && least * 2 <= wrong.length;
  return isNear ? (words[distances.indexOf(least)] ?? null) : null;
}

/** How many letters must be put in, left out or changed to make one text the other. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const changed = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      line.push(Math.min(changed, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

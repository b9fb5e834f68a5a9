// The words of a filter: all must match; a word with `-` before it must not. Pure.

/** @param {string} filter @returns {string[]} in small letters */
export function filterWords(filter) {
  return filter.toLowerCase().split(/\s+/).filter((word) => word !== '' && word !== '-');
}

/** Whether a thing matches. @param {string[]} words @param {(word: string) => boolean} has whether it has a word */
export function matchesWords(words, has) {
  return words.every((word) => {
    const isExcluded = word.startsWith('-');
    return has(isExcluded ? word.slice(1) : word) !== isExcluded;
  });
}

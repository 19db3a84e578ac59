// Two texts word by word: what both have, and what one has in place of the other's.

/** [kind, words before, words after] of the runs of two lists of words; kind is "same" or "changed". */
function differences(before, after, same = (one, other) => one === other) {
  const rows = before.length, columns = after.length;
  const longest = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      longest[i][j] = same(before[i], after[j]) ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const runs = [];
  const add = (kind, one, other) => {
    if (runs.at(-1)?.[0] !== kind) runs.push([kind, [], []]);
    if (one !== null) runs.at(-1)[1].push(one);
    if (other !== null) runs.at(-1)[2].push(other);
  };
  let i = 0, j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && same(before[i], after[j])) add("same", before[i++], after[j++]);
    else if (j < columns && (i === rows || longest[i][j + 1] >= longest[i + 1][j])) add("changed", null, after[j++]);
    else add("changed", before[i++], null);
  }
  return runs;
}

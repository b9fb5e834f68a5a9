// Where the columns of a strip's row lie, for each width of the page. Pure.

/** @typedef {{ key: string, title: string, x: number, width: number, isRight: boolean }} Column */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/** @typedef {{ columns: Column[], strip: Box, height: number, font: number }} Layout `font`: its size */

const PAD = 14;
const GAP = 12;

/** @param {number} width of the list, in CSS pixels @param {number} ratio of the screen's pixels @returns {Layout} */
export function layoutFor(width, ratio) {
  // Rows have a whole number of the screen's pixels, so that their pictures can be copied.
  const whole = (/** @type {number} */ height) => Math.round(height * ratio) / ratio;
  if (width < 620) {
    const right = width - PAD;
    return {
      font: 11,
      height: whole(46),
      strip: { x: PAD, y: 24, width: right - PAD, height: 17 },
      columns: [
        // Wide enough for the names that members give themselves, 26 characters.
        column('name', 'member', PAD, right - PAD - 112),
        column('records', 'rec/s', right - 108, 46, true),
        column('lag', 'lag', right - 60, 60, true),
      ],
    };
  }
  const left = [['name', 'member', width < 1000 ? 216 : 250]];
  if (width >= 1000) left.push(['state', 'state', 122]);
  if (width >= 820) left.push(['host', 'host', width < 1300 ? 90 : 130]);
  const right = [['records', 'records/s', 76]];
  if (width >= 820) right.push(['progress', 'progress', 84]);
  right.push(['lag', 'lag', 76]);
  const columns = [];
  let x = PAD;
  for (const [key, title, wide] of left) {
    columns.push(column(String(key), String(title), x, Number(wide)));
    x += Number(wide) + GAP;
  }
  const rightWidth = right.reduce((sum, [, , wide]) => sum + Number(wide) + GAP, 0);
  const strip = { x, y: 3, width: Math.max(60, width - PAD - rightWidth - x), height: 20 };
  x = width - PAD - rightWidth + GAP;
  for (const [key, title, wide] of right) {
    columns.push(column(String(key), String(title), x, Number(wide), true));
    x += Number(wide) + GAP;
  }
  return { columns, strip, height: whole(27), font: 12 };
}

/** @param {string} key @param {string} title @param {number} x @param {number} width @returns {Column} */
function column(key, title, x, width, isRight = false) {
  return { key, title, x, width, isRight };
}

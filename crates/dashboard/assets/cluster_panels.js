// The panels of the view of a cluster: sums of its parts, troubles, rows, and the files in HDFS's root.
import { bytes, clean, count, dateOf, isNumber, plural, timeOfDay } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { PART_MARKS, ReportMark } from './report_marks.js';
import { partTitle } from './cluster_sums.js';
import { hashOf } from './route.js';

/** Maximum number of troubles, and of files, that are shown. */
const MOST_TROUBLES = 200;
const FIRST_TROUBLES = 8;
const MOST_FILES = 500;

/** Facts of few words stay on one line. @param {string} details */
function glued(details) {
  const glue = (/** @type {string} */ fact) => (fact.length < 32 ? fact.replaceAll(' ', '\u00a0') : fact);
  return details.split(', ').map(glue).join(', ');
}

/** Each part as a whole. */
export class SumTiles {
  constructor() {
    this.tiles = new Map();
    this.element = el('ul', { class: 'part-sums', 'aria-label': 'Parts' });
  }

  /** @param {import('./cluster_sums.js').PartSum[]} sums */
  show(sums) {
    const shown = sums.map((sum) => {
      let tile = this.tiles.get(sum.part);
      if (!tile) {
        tile = this.tile(sum.part);
        this.tiles.set(sum.part, tile);
      }
      tile.mark.set(sum.kind, sum.state);
      setText(tile.details, glued(sum.details));
      tile.bar.hidden = tile.share.hidden = sum.share === null;
      if (sum.share) {
        setText(tile.share, sum.share.words);
        setAttribute(tile.bar, 'max', String(sum.share.most));
        setAttribute(tile.bar, 'value', String(sum.share.value));
        setAttribute(tile.bar, 'aria-label', `${partTitle(sum.part)}: ${sum.share.words}`);
      }
      return tile.element;
    });
    if (shown.some((one, at) => this.element.children[at] !== one) || shown.length !== this.element.children.length) {
      this.element.replaceChildren(...shown);
    }
  }

  /** @param {string} part */
  tile(part) {
    const mark = new ReportMark(PART_MARKS);
    const [details, share] = [el('p', { class: 'soft' }), el('p', { class: 'soft' })];
    const bar = el('progress');
    const element = el('li', { class: 'panel' }, el('h2', {}, partTitle(part)), mark.element, details, share, bar);
    return { element, mark, details, share, bar };
  }
}

/** What is wrong. */
export class TroublePanel {
  constructor() {
    this.title = el('h2', { id: 'h-troubles' });
    this.list = el('ul');
    this.most = FIRST_TROUBLES;
    this.more = el('button', { type: 'button', class: 'plain' }, 'all');
    this.element = el('section', { class: 'panel troubles', 'aria-labelledby': 'h-troubles' }, this.title, this.list,
      this.more);
    /** @type {import('./cluster_sums.js').Trouble[]} */
    this.all = [];
    this.more.addEventListener('click', () => {
      this.most = MOST_TROUBLES;
      this.show(this.all);
    });
    this.shown = '';
  }

  /** @param {import('./cluster_sums.js').Trouble[]} all */
  show(all) {
    this.element.hidden = all.length === 0;
    this.all = all;
    const key = `${this.most} ${JSON.stringify(all)}`;
    if (key === this.shown) return;
    this.shown = key;
    setText(this.title, plural(all.length, 'trouble'));
    this.more.hidden = all.length <= this.most || this.most === MOST_TROUBLES;
    setText(this.more, `all ${count(all.length)}`);
    const items = all.slice(0, this.most).map(({ name, host, words }) => {
      const where = host === '' ? null
        : el('a', { class: 'name', href: hashOf(null, 'cluster', { filter: host }), title: 'all of this host' }, host);
      return el('li', {},
        el('span', { class: 'badge', 'data-mark': 'bad', 'aria-hidden': 'true' }, '!'),
        el('span', { class: 'what' }, el('strong', {}, name), where ? ' on ' : null, where, name === '' ? null : ': ',
          words));
    });
    if (this.most === MOST_TROUBLES && all.length > this.most) {
      items.push(el('li', {}, `and ${count(all.length - this.most)} more`));
    }
    this.list.replaceChildren(...items);
  }
}

/** The rows of one part, or of one host. */
export class RowPanel {
  /** @param {string} title */
  constructor(title) {
    this.title = el('h2', {}, title);
    this.note = el('span', { class: 'soft' });
    this.list = el('ul', { class: 'part-rows' });
    this.rows = [];
    this.element = el('section', { class: 'panel', 'aria-label': title },
      el('div', { class: 'panel-head' }, this.title, this.note), this.list);
  }

  /** @param {import('./cluster_rows.js').PartRow[]} all @param {number} most @param {boolean} isByHost */
  show(all, most, isByHost) {
    const rows = all.slice(0, most);
    const bad = all.filter((row) => row.kind === 'bad').length;
    const shown = rows.length < all.length ? `the first ${count(rows.length)} of ${count(all.length)}` : '';
    const words = [bad === 0 ? '' : `${count(bad)} of ${count(all.length)} in trouble`, shown];
    setText(this.note, words.filter((one) => one !== '').join('; '));
    while (this.rows.length < rows.length) this.rows.push(this.row());
    rows.forEach((row, at) => {
      const { element, mark, name, host, details } = this.rows[at];
      mark.set(row.kind, row.state);
      setText(name, row.name);
      setText(host, isByHost ? '' : row.host);
      setText(details, glued(row.details));
      setAttribute(element, 'data-mark', row.kind);
    });
    if (this.list.childElementCount !== rows.length) {
      this.list.replaceChildren(...this.rows.slice(0, rows.length).map(({ element }) => element));
    }
  }

  row() {
    const mark = new ReportMark(PART_MARKS);
    const [name, host] = [el('span', { class: 'part-name' }), el('span', { class: 'name mono' })];
    const details = el('span', { class: 'details soft' });
    const element = el('li', {}, el('span', { class: 'where' }, name, ' ', host), mark.element, details);
    return { element, mark, name, host, details };
  }
}

/** The files in HDFS's `/`, as `fs -ls /` lists them. */
export class FilePanel {
  constructor() {
    const heads = ['permission', 'copies', 'owner', 'group', 'size', 'changed', 'path'];
    this.body = el('tbody');
    this.note = el('span', { class: 'soft' });
    this.table = el('div', { class: 'file-table', tabindex: '0', role: 'region', 'aria-label': 'Files in HDFS’s root' },
      el('table', {}, el('thead', {}, el('tr', {}, ...heads.map((head, at) => el('th', { scope: 'col',
        class: at === 1 || at === 4 ? 'number' : null }, head)))), this.body));
    this.problem = el('p', { class: 'soft' });
    this.element = el('section', { class: 'panel', 'aria-labelledby': 'h-files' },
      el('div', { class: 'panel-head' }, el('h2', { id: 'h-files' }, 'HDFS: files in /'), this.note), this.table,
      this.problem);
    this.shown = '';
  }

  /** @param {{ files: any[], problem: string }|null} root */
  show(root) {
    this.element.hidden = root === null;
    const key = JSON.stringify(root);
    if (root === null || key === this.shown) return;
    this.shown = key;
    const { files, problem } = root;
    setText(this.note, problem === '' ? plural(files.length, 'entry', 'entries') : '');
    this.table.hidden = files.length === 0;
    this.problem.hidden = files.length > 0 && files.length <= MOST_FILES;
    const empty = problem === '' ? 'There is nothing in it.' : `It cannot be listed: ${problem}`;
    setText(this.problem, files.length === 0 ? empty : `and ${count(files.length - MOST_FILES)} more`);
    this.body.replaceChildren(...files.slice(0, MOST_FILES).map(fileRow));
  }
}

/** @param {any} file */
function fileRow(file) {
  const at = isNumber(file.modified_ms) ? file.modified_ms : NaN;
  const path = `${clean(file.path)}${file.folder === true ? '/' : ''}`;
  return el('tr', {},
    el('td', { class: 'mono' }, `${file.folder === true ? 'd' : '-'}${clean(file.permission, 20)}`),
    el('td', { class: 'number' }, isNumber(file.replication) ? count(file.replication) : '–'),
    el('td', {}, clean(file.owner, 40)), el('td', {}, clean(file.group, 40)),
    el('td', { class: 'number' }, file.folder === true ? '–' : bytes(file.length)),
    el('td', { class: 'soft' }, Number.isNaN(at) ? '–' : `${dateOf(at)} ${timeOfDay(at).slice(0, 5)}`),
    el('td', {}, el('span', { class: 'name' }, path)));
}

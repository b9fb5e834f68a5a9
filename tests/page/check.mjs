// Opens the page of a running heartline serve in chromium and checks it as a person would use it.
//
//   npm ci && node check.mjs URL [--members N]
//
// Prints one line for each passed check, `ok …`. Then it reads commands from stdin, one a line, until `quit`:
//
//   expect-dead NAME       waits until the page shows this member as dead; prints `watching NAME` once it looks, then
//                          `dead NAME MS`, with the time of the page in milliseconds since 1970
//   screenshot VIEW PATH   VIEW: overview, strips, table, member, events, timeline, cluster, nodes, or an address that
//                          begins with #; with `:dark` or `:phone` behind it
//   exported PATH          opens an exported page as a file, and checks that it replays; prints `exported MEMBERS`
//   frames SECONDS         scrolls the strips; prints `frames FPS MEDIAN P95 LONGEST`, the times in milliseconds
//   quit
//
// The first failure prints `failed …` on stderr and ends with status 1. The browser is $CHROMIUM or /usr/bin/chromium.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

/** Maximum time of each wait. */
const SOON = 10_000;
const ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const MARKUP = '<img src=x onerror=alert(1)>';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

class Failure extends Error {}

/** What went wrong in the page, whenever it did. @type {string[]} */
const problems = [];

function ok(text) {
  console.log(`ok ${text}`);
}

function check(isGood, text) {
  const [problem] = problems;
  if (problem) throw new Failure(problem);
  if (!isGood) throw new Failure(text);
}

function parsed(words) {
  const [url, ...rest] = words;
  if (!url || !URL.canParse(url)) throw new Failure('usage: node check.mjs URL [--members N]');
  let members = null;
  if (rest.length > 0) {
    members = Number(rest[1]);
    if (rest[0] !== '--members' || rest.length !== 2 || !Number.isInteger(members)) {
      throw new Failure(`unknown option ${rest.join(' ')}; known is --members N`);
    }
  }
  return { url: new URL(url), members };
}

/** Watches all that the page does. */
function watch(page, origin) {
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`the console has an error: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`the page has an error: ${error.stack ?? error}`));
  page.on('dialog', (dialog) => {
    problems.push(`a dialog opened: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`a request left the server: ${request.url()}`);
  });
}

/** Waits in the page; `what` is told if it does not come. */
async function until(page, what, condition, argument = null) {
  try {
    await page.waitForFunction(condition, argument, { polling: 'raf', timeout: SOON });
  } catch (error) {
    check(false, `${what} did not come within ${SOON / 1000} s (${String(error).split('\n')[0]})`);
  }
  check(true, '');
}

class Checks {
  constructor(page, url, members) {
    this.page = page;
    this.url = url;
    this.members = members;
    this.job = 0;
    this.isLive = true;
    this.allowsActions = false;
    this.hasCluster = false;
    this.hasNodes = false;
  }

  /** Shows an address of the page, by its part behind `#`. */
  async show(hash) {
    await this.page.evaluate((wanted) => { location.hash = wanted; }, hash);
    // A recording adds its moment.
    const isShown = (wanted) => location.hash.replace(/[?&]at=\d+$/, '') === wanted;
    await until(this.page, `the address ${hash}`, isShown, hash);
  }

  hash(view) {
    return `#/job/${this.job}${view}`;
  }

  async all() {
    await this.opens();
    if (!this.isLive) await this.replayWorks();
    await this.membersAreShown();
    await this.filterWorks();
    await this.keyboardWorks();
    await this.timelineWorks();
    if (this.allowsActions) await this.actionsAsk();
    if (this.hasCluster) await this.clusterIsShown();
    if (this.hasNodes) await this.nodesAreShown();
    await this.reportsAreInTheNavigation();
    await this.namesAreNoMarkup();
    await this.isAccessible();
    this.isQuiet();
  }

  async opens() {
    const answer = await this.page.goto(this.url.href, { timeout: SOON });
    check(answer?.ok(), `${this.url} answers ${answer?.status()}`);
    const policy = answer.headers()['content-security-policy'] ?? '';
    check(policy.includes("default-src 'none'"), `the page has no strict content security policy: "${policy}"`);
    const jobs = await this.page.evaluate(async () => (await fetch('api/v1/jobs')).json());
    check(jobs.jobs?.length > 0, 'the server follows no job');
    this.job = jobs.jobs[0].id;
    this.isLive = jobs.is_live !== false;
    this.allowsActions = jobs.allows_actions === true;
    // In a recording there is neither.
    this.hasCluster = this.isLive && jobs.has_cluster === true;
    this.hasNodes = this.isLive && jobs.has_nodes === true;
    await this.show(this.hash(''));
    const link = this.isLive ? 'live' : 'recording';
    await until(this.page, 'the first picture', (state) => document.getElementById('link')?.dataset.link === state
      && document.querySelector('.overview')?.hidden === false, link);
    ok(this.isLive ? 'the page opens and is live' : 'the page opens and shows the recording');
  }

  /** The bar of a recording. Leaves the recording at its end. */
  async replayWorks() {
    const { page } = this;
    const time = () => page.textContent('.moment-time');
    const begin = await time();
    await page.keyboard.press(' ');
    await until(page, 'another moment after the key space', (shown) => (
      document.querySelector('.moment-time').textContent !== shown), begin);
    await page.keyboard.press(' ');
    await until(page, 'a pause', () => document.querySelector('.play').textContent === 'play');
    await page.focus('.track input');
    await page.keyboard.press('Home');
    await until(page, 'the first moment', (shown) => (
      document.querySelector('.moment-time').textContent === shown), begin);
    const hasEvents = !(await page.textContent('#replay-about')).includes('no event of note');
    if (hasEvents) {
      await page.keyboard.press('.');
      await until(page, 'an event after the key .', (shown) => (
        document.querySelector('.moment-time').textContent !== shown), begin);
    }
    await until(page, 'the moment in the address', () => /[?&]at=\d+/.test(location.hash));
    await page.keyboard.press('End');
    await until(page, 'the end of the recording', () => (
      document.querySelector('.place').textContent === 'end of the recording'));
    const end = await time();
    // The address leads to the moment.
    await page.evaluate(() => { location.hash = location.hash.replace(/at=\d+/, 'at=1'); });
    await until(page, 'the moment of the address', (shown) => (
      document.querySelector('.moment-time').textContent === shown), begin);
    await page.focus('.track input');
    await page.keyboard.press('End');
    await until(page, 'the end again', (shown) => document.querySelector('.moment-time').textContent === shown, end);
    await page.evaluate(() => document.activeElement?.blur());
    ok('the recording plays, pauses, goes to events and to the moment of an address');
  }

  async timelineWorks() {
    const { page } = this;
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('5');
    await until(page, 'the timeline after the key 5', () => document.querySelector('.timeline')?.hidden === false);
    await until(page, 'the table behind the timeline', () => (
      document.querySelectorAll('.timeline table tbody tr').length > 0));
    await until(page, 'a picture of the timeline', () => {
      const canvas = document.querySelector('.timeline .scroller canvas');
      if (canvas.width === 0) return false;
      return canvas.getContext('2d').getImageData(0, 0, canvas.width, 40).data.some((one) => one > 0);
    });
    const whole = await page.textContent('.range-words');
    await page.keyboard.press('+');
    await until(page, 'less time after the key +', () => /[?&]from=\d+&to=\d+/.test(location.hash));
    check(await page.textContent('.range-words') !== whole, 'the key + shows no less time');
    await page.keyboard.press('0');
    await until(page, 'all of the time after the key 0', () => !location.hash.includes('from='));
    await page.keyboard.press('j');
    await until(page, 'a chosen attempt', () => document.querySelector('.detail a')?.hidden === false);
    await page.keyboard.press('Enter');
    await until(page, 'the member of the attempt', () => /\/member\/./.test(location.hash));
    ok('the timeline zooms, and leads to a member');
  }

  /** Asks before it acts. Nothing is done here. */
  async actionsAsk() {
    const { page } = this;
    await this.show(this.hash(''));
    await until(page, 'the last actions', () => (
      document.getElementById('h-actions')?.closest('section').hidden === false));
    await page.click('section[aria-labelledby="h-actions"] button');
    await until(page, 'the question', () => document.querySelector('dialog.action')?.open);
    await page.fill('#interval', '0');
    await page.click('dialog.action .act');
    await until(page, 'a refusal of 0 ms', () => document.querySelector('.action-result.is-error') !== null);
    await page.keyboard.press('Escape');
    await until(page, 'no question', () => document.querySelector('dialog.action') === null);
    ok('an action is asked for first, and can be cancelled');
  }

  /** Opens a view that belongs to no job by its key. @param {string} key @param {string} view */
  async openReport(key, view) {
    const { page } = this;
    await this.show(this.hash(''));
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press(key);
    const isThere = (name) => location.hash.startsWith(`#/${name}`);
    await until(page, `the address of the ${view} after the key ${key}`, isThere, view);
    await until(page, `a report of the ${view}`, (name) => (
      document.querySelector(`.${name}`)?.hidden === false && /\d\d:\d\d:\d\d/.test(
        document.getElementById('link-text').textContent)), view);
  }

  async clusterIsShown() {
    const { page } = this;
    await this.openReport('6', 'cluster');
    const rows = () => page.locator('.part-rows > li').count();
    const all = await rows();
    check(all > 0, 'the cluster has no row');
    await page.click('.switch button:last-child');
    await until(page, 'the hosts', () => location.hash.includes('by=host'));
    check(await rows() === all, `${await rows()} of ${all} rows by host`);
    await page.fill('.cluster input[type="search"]', 'no-part-has-this-name');
    await until(page, 'no row after the filter', () => document.querySelectorAll('.part-rows > li').length === 0);
    await page.fill('.cluster input[type="search"]', '');
    const isWell = (await page.textContent('.cluster-verdict')) === 'all is well';
    check(await page.locator('.troubles').isVisible() !== isWell, 'the troubles are not on top');
    ok(`the cluster is shown with ${all} rows, by part and by host`);
  }

  async nodesAreShown() {
    const { page } = this;
    await this.openReport('7', 'nodes');
    await until(page, 'a row of the nodes', () => (
      document.querySelectorAll('.node-slice .node-row:not([hidden])').length > 0));
    await page.click('.node-heads .c-age button');
    await until(page, 'the nodes by age', () => location.hash.includes('sort=-age')
      && document.querySelector('.node-heads .c-age').getAttribute('aria-sort') === 'descending');
    await page.fill('.nodes input[type="search"]', 'no-node-has-this-name');
    await until(page, 'no node after the filter', () => /^0 of/.test(document.querySelector('.result').textContent));
    await page.fill('.nodes input[type="search"]', '');
    ok(`${await this.shown()} nodes are shown`);
  }

  /** The links are there exactly if the server has something to show. */
  async reportsAreInTheNavigation() {
    for (const [view, isThere] of [['cluster', this.hasCluster], ['nodes', this.hasNodes]]) {
      const isShown = await this.page.locator(`#views a[data-view="${view}"]`).isVisible();
      check(isShown === isThere, `the link to the ${view} is ${isShown ? 'shown' : 'hidden'}`);
    }
  }

  /** The addresses of the views that belong to no job. */
  reportHashes() {
    return [...this.hasCluster ? ['#/cluster', '#/cluster?by=host'] : [], ...this.hasNodes ? ['#/nodes'] : []];
  }

  /** The number before "member" or "of" above the list. */
  async shown() {
    const text = await this.page.textContent('.result');
    return Number((text ?? '').split(' ')[0].replace(/\D/g, ''));
  }

  async membersAreShown() {
    await this.show(this.hash('/strips'));
    const wanted = this.members;
    await until(this.page, wanted === null ? 'a member' : `${wanted} members`, (number) => {
      const shown = Number((document.querySelector('.result')?.textContent ?? '').split(' ')[0].replace(/\D/g, ''));
      return number === null ? shown > 0 : shown === number;
    }, wanted);
    await until(this.page, 'a picture of the strips', () => {
      const canvas = document.querySelector('.scroller canvas');
      if (!canvas || canvas.width === 0) return false;
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, Math.min(60, canvas.height)).data;
      return data.some((value) => value !== 0);
    });
    ok(`${await this.shown()} members are shown`);
  }

  async filterWorks() {
    const { page } = this;
    await this.show(this.hash('/strips?as=table'));
    await until(page, 'the table', () => document.querySelectorAll('.as-table tbody tr').length > 0);
    const names = await page.locator('.as-table a.name').allTextContents();
    const name = names.find((one) => /^[\w.-]+$/.test(one)) ?? names[0];
    const all = await this.shown();
    await page.fill('input[type="search"]', name);
    await until(page, `the member ${name} alone`, (wanted) => {
      const links = [...document.querySelectorAll('.as-table a.name')];
      return links.length > 0 && links.every((link) => link.textContent.includes(wanted));
    }, name);
    check(page.url().includes('filter='), 'the filter is not in the address');
    await page.fill('input[type="search"]', 'no-member-has-this-name');
    await until(page, 'an empty list', () => /^0 of/.test(document.querySelector('.result').textContent));
    await page.fill('input[type="search"]', '');
    await until(page, 'all members again', () => !document.querySelector('.result').textContent.includes(' of '));
    check(await this.shown() >= all, 'the list is not whole after the filter');
    ok('the filter shows what matches, and its address can be sent');
  }

  async keyboardWorks() {
    const { page } = this;
    const press = async (key, what, condition) => {
      await page.keyboard.press(key);
      await until(page, `${what} after the key ${key}`, condition);
    };
    // The key 2 leads to the strips as they were last.
    await this.show(this.hash('/strips'));
    await this.show(this.hash(''));
    await page.evaluate(() => document.activeElement?.blur());
    await press('2', 'the strips', () => location.hash.includes('/strips'));
    await press('/', 'the filter', () => document.activeElement?.type === 'search');
    await press('Escape', 'the list', () => document.activeElement?.classList.contains('scroller'));
    await press('j', 'a chosen member', () => document.getElementById('selection').textContent !== '');
    await press('Enter', 'the member', () => /\/member\/./.test(location.hash)
      && document.querySelector('.member-head .state') !== null);
    await press('Escape', 'the strips', () => location.hash.includes('/strips'));
    await press('4', 'the events', () => location.hash.includes('/events'));
    await press('3', 'the member', () => location.hash.includes('/member'));
    await press('1', 'the overview', () => document.querySelector('.overview') !== null);
    await press('?', 'the help', () => document.querySelector('dialog').open);
    await press('Escape', 'the page', () => !document.querySelector('dialog').open);
    const before = await page.evaluate(() => window.heartlineTheme.current());
    await page.keyboard.press('t');
    check(await page.evaluate(() => window.heartlineTheme.current()) !== before, 'the key t does not change the theme');
    await page.keyboard.press('t');
    ok('the keyboard reaches each view');
  }

  /** In the address too a name is a stranger's. */
  async namesAreNoMarkup() {
    const { page } = this;
    await this.show(this.hash(`/member/${encodeURIComponent(MARKUP)}`));
    const isText = (name) => document.querySelector('.member-head h1')?.textContent === name;
    await until(page, 'the name as text', isText, MARKUP);
    const views = ['', '/strips', '/strips?as=table', '/events', '/timeline'].map((view) => this.hash(view));
    for (const view of [...views, ...this.reportHashes()]) {
      await this.show(view);
      await page.waitForTimeout(300);
      const found = await page.evaluate(() => {
        const kinds = 'img, script, iframe, object, embed, b > b, i, [onerror], [onload]';
        const strange = [...document.querySelectorAll(kinds)];
        const own = ['icon.svg', 'theme.js', 'app.js'];
        const others = strange.filter((one) => !own.includes(one.getAttribute('src') ?? ''));
        const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
        const hasControls = controls.test(document.body.innerText);
        return others.map((one) => one.outerHTML).concat(hasControls ? ['a control character'] : []);
      });
      check(found.length === 0, `a text of others became markup in ${view}: ${found[0]}`);
    }
    ok('names of others are shown as text');
  }

  async isAccessible() {
    const { page } = this;
    const member = await page.getAttribute('#views a[data-view="member"]', 'href');
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      const views = ['', '/strips', '/strips?as=table', '/events', '/timeline'].map((view) => this.hash(view));
      for (const hash of [...views, member, ...this.reportHashes()]) {
        await this.show(hash);
        await page.waitForTimeout(300);
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const result = await window.axe.run(document, { resultTypes: ['violations'] });
          return result.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html}`);
        });
        check(found.length === 0, `axe-core, ${theme}, ${hash}: ${found[0]}`);
      }
    }
    await page.emulateMedia({ colorScheme: null });
    ok('axe-core has no serious finding in any view, light and dark');
  }

  isQuiet() {
    check(true, '');
    ok('no error in the console, and no request left the server');
  }

  async expectDead(name) {
    const { page } = this;
    await this.show(this.hash(`/member/${encodeURIComponent(name)}`));
    await until(page, `the member ${name}`, () => document.querySelector('.member-head .state')?.hidden === false);
    console.log(`watching ${name}`);
    await until(page, `the death of ${name}`, () => {
      if (document.querySelector('.member-head .state')?.dataset.state !== 'dead') return false;
      window.deathShown = Date.now();
      return true;
    });
    console.log(`dead ${name} ${await page.evaluate(() => window.deathShown)}`);
  }

  async screenshot(wanted, path) {
    const { page } = this;
    const [, view, mode] = /^(.*?)(?::(dark|light|phone))?$/.exec(wanted);
    await page.emulateMedia({ colorScheme: mode === 'dark' ? 'dark' : 'light' });
    await page.setViewportSize(mode === 'phone' ? { width: 360, height: 740 } : { width: 1400, height: 900 });
    const member = await page.getAttribute('#views a[data-view="member"]', 'href');
    const hashes = { overview: this.hash(''), strips: this.hash('/strips'), table: this.hash('/strips?as=table'),
      member, events: this.hash('/events'), timeline: this.hash('/timeline'), cluster: '#/cluster', nodes: '#/nodes' };
    const hash = view.startsWith('#') ? view : hashes[view];
    check(hash, `unknown view ${view}; known are ${Object.keys(hashes).join(', ')}`);
    await this.show(hash);
    await page.evaluate(() => document.activeElement?.blur());
    await page.waitForTimeout(1200);
    await page.screenshot({ path, timeout: SOON });
    console.log(`screenshot ${path}`);
  }

  /** Checks an exported page in a tab of its own. */
  async exported(path) {
    const page = await this.page.context().newPage();
    // Files and data URLs have no origin; what has one comes from elsewhere.
    watch(page, 'null');
    await page.goto(`${pathToFileURL(path).href}#/job/0`, { timeout: SOON });
    await until(page, 'the exported recording', () => document.getElementById('link')?.dataset.link === 'recording'
      && document.querySelector('.overview')?.hidden === false);
    await page.focus('.track input');
    await page.keyboard.press('End');
    await until(page, 'the end of the exported recording', () => (
      document.querySelector('.place').textContent === 'end of the recording'));
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('2');
    await until(page, 'the exported strips', () => /^\d/.test(document.querySelector('.result')?.textContent ?? ''));
    const members = (await page.textContent('.result')).split(' ')[0].replace(/\D/g, '');
    await page.close();
    console.log(`exported ${members}`);
  }

  async frames(seconds) {
    await this.show(this.hash('/strips'));
    await this.page.waitForTimeout(1000);
    const times = await this.page.evaluate((duration) => new Promise((done) => {
      const scroller = document.querySelector('.scroller');
      const found = [];
      let last = 0;
      let end = 0;
      const step = (now) => {
        if (last > 0) found.push(now - last);
        else end = now + duration;
        last = now;
        scroller.scrollTop += 60;
        if (now < end) requestAnimationFrame(step);
        else done(found.sort((a, b) => a - b));
      };
      requestAnimationFrame(step);
    }), seconds * 1000);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
    console.log(`frames ${(times.length / seconds).toFixed(1)} ${at(0.5)} ${at(0.95)} ${at(1)}`);
  }
}

async function commands(checks) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.trim().split(' ');
    if (command === 'quit') break;
    if (command === '') continue;
    if (command === 'expect-dead') await checks.expectDead(rest.join(' '));
    else if (command === 'screenshot') await checks.screenshot(rest[0] ?? '', rest.slice(1).join(' '));
    else if (command === 'exported') await checks.exported(rest.join(' '));
    else if (command === 'frames') await checks.frames(Number(rest[0]) || 5);
    else throw new Failure(`unknown command ${command}; known are expect-dead, screenshot, exported, frames and quit`);
    check(true, '');
  }
}

async function main() {
  const { url, members } = parsed(process.argv.slice(2));
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: 3 * SOON });
  try {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(SOON);
    watch(page, url.origin);
    const checks = new Checks(page, url, members);
    await checks.all();
    await commands(checks);
    check(true, '');
  } finally {
    await browser.close();
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(`failed ${error instanceof Failure ? error.message : error?.stack ?? error}`);
  process.exit(1);
});

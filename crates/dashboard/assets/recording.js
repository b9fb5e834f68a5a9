// Plays a recording: tells the page what the stream told then, at any speed and from any moment on.
import { BlockReader, RecordingBlocks, RowChanges } from './recording_blocks.js';
import { clean, timeOfDay } from './format.js';
import { stopsOf } from './recorded_events.js';

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 100];
/** Longest time of one frame that goes into messages; the rest is for drawing. */
const FRAME_MS = 28;
/** The same while a moment is looked for, when nothing is drawn. */
const SEEK_MS = 60;
/** A page that stood still for longer, in the background for example, does not make up for it. */
const LONGEST_STEP_MS = 250;
const AGAIN_MS = 5000;
/** For up to this number of members, a further minute costs little to read. */
const FEW_MEMBERS = 500;
/** Maximum number of blocks that are fetched before they are needed. */
const MOST_AHEAD = 8;

/**
 * @typedef {import('./recording_source.js').Source} Source
 * @typedef {import('./stream.js').Listener & { restart(): void, moved(isJump: boolean): void }} RecordingListener
 * `restart`: another moment follows, with a snapshot. `moved`: the moment or the way of playing has changed.
 */

export class Recording {
  /** @param {Source} source @param {RecordingListener} listener @param {number|null} start */
  constructor(source, listener, start) {
    this.source = source;
    this.listener = listener;
    this.store = new RecordingBlocks((number) => source.block(number));
    this.changes = new RowChanges();
    /** @type {import('./recording_source.js').About|null} */
    this.about = null;
    this.problem = '';
    /** The moment that is shown. */
    this.time = start ?? 0;
    /** The moment that is looked for. @type {number|null} */
    this.wanted = null;
    this.speed = 1;
    this.isPlaying = this.isSeeking = this.isWaiting = this.isClosed = this.hasPicture = false;
    /** Whether messages take more time than there is: the page then draws more rarely. */
    this.isLate = false;
    /** What cannot be read. @type {{ words: string, until: number }|null} */
    this.gap = null;
    /** Place of the block that is read, in the list of blocks. */
    this.position = 0;
    /** @type {BlockReader|null} */
    this.reader = null;
    /** Times at which something of note happened, in their order. @type {number[]} */
    this.stops = [];
    this.framed = 0;
    listener.link('waiting', null);
    this.open(start);
  }

  /** @param {number|null} start */
  async open(start) {
    try {
      this.about = await this.source.about();
    } catch (error) {
      this.problem = clean(error instanceof Error ? error.message : error);
      if (this.isClosed) return;
      this.listener.link('broken', new Date().toISOString());
      setTimeout(() => { if (!this.isClosed) this.open(start); }, AGAIN_MS);
      return;
    }
    if (this.isClosed) return;
    this.problem = '';
    this.stops = stopsOf(this.about);
    this.listener.link('live', null);
    this.seek(start ?? this.from);
    requestAnimationFrame((now) => this.frame(now));
  }

  get from() {
    return this.about?.from ?? 0;
  }

  get to() {
    return this.about?.to ?? 0;
  }

  get blocks() {
    return this.about?.blocks ?? [];
  }

  get isAtEnd() {
    return this.about !== null && this.wanted === null && this.time >= this.to;
  }

  /** What the page should say about the recording; empty if all is well. */
  get notice() {
    if (this.gap) return this.gap.words;
    if (!this.about || this.about.problem === '') return '';
    return `The recording is not whole: ${this.about.problem}. The page shows what can be read.`;
  }

  close() {
    this.isClosed = true;
    this.isPlaying = false;
  }

  toggle() {
    if (!this.about) return;
    this.isPlaying = !this.isPlaying;
    this.isLate = false;
    this.framed = performance.now();
    if (this.isPlaying && this.isAtEnd) this.seek(this.from);
    this.listener.moved(!this.isPlaying);
  }

  /** @param {number} speed */
  play(speed) {
    if (SPEEDS.includes(speed)) this.speed = speed;
    this.listener.moved(false);
  }

  /** The next speed. @param {number} by 1 or -1 */
  faster(by) {
    const at = SPEEDS.indexOf(this.speed) + by;
    this.play(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))]);
  }

  /** Goes to just after the next event of note, or the one before. Returns whether there is one.
   * @param {number} by 1 or -1 */
  toEvent(by) {
    const time = this.wanted ?? this.time;
    // While it plays, the event that was just passed is not the one before.
    const rest = this.isPlaying ? 1000 * this.speed : 0;
    const at = by > 0 ? this.stops.find((stop) => stop > time) : this.stops.findLast((stop) => stop < time - rest);
    if (at !== undefined) this.seek(at);
    return at !== undefined;
  }

  /** Shows another moment. @param {number} time */
  seek(time) {
    if (!this.about) return;
    this.isLate = false;
    this.wanted = Math.min(this.to, Math.max(this.from, Math.round(time)));
    this.listener.moved(false);
    if (!this.isSeeking) this.run();
  }

  async run() {
    this.isSeeking = true;
    // A slider that is dragged wants many moments: of those that come meanwhile, only the last counts.
    while (this.wanted !== null && !this.isClosed) {
      const target = this.wanted;
      await this.reach(target);
      if (this.wanted === target) this.wanted = null;
    }
    if (this.isClosed) return;
    this.isSeeking = false;
    this.framed = performance.now();
    this.listener.moved(true);
  }

  /** @param {number} target */
  async reach(target) {
    let key = this.keyBefore(this.blocks.findLastIndex((block) => block.from <= target));
    const isOnTheWay = this.hasPicture && !this.gap && target >= this.time && this.position >= key;
    // The lines of rates begin where the page begins to read: for few members, a minute earlier.
    if (this.changes.rows.size <= FEW_MEMBERS && !isOnTheWay) key = this.keyBefore(key - 1);
    if (!isOnTheWay) this.restart(key);
    for (;;) {
      const outcome = this.tell(target, SEEK_MS);
      if (outcome === 'asks') await this.wait();
      else if (outcome === 'late') await new Promise((done) => { setTimeout(done, 0); });
      else if (this.hasPicture || key <= 0) break;
      // Nothing could be read: the last picture before it is better than none.
      else this.restart(key = this.keyBefore(key - 1));
      if (this.isClosed) return;
    }
    this.time = target;
  }

  /** The last key block up to a place. @param {number} position */
  keyBefore(position) {
    let at = Math.max(0, position);
    while (at > 0 && !this.blocks[at].is_key) at -= 1;
    return at;
  }

  /** @param {number} position of a key block */
  restart(position) {
    this.position = position;
    this.reader = null;
    this.hasPicture = false;
    this.gap = null;
    this.listener.restart();
  }

  /** Tells all messages up to a moment, for `most` milliseconds at most: then it is `late`. It `asks` if a block is to
   * be fetched first. @param {number} until @param {number} most @returns {'done'|'late'|'asks'} */
  tell(until, most) {
    const deadline = performance.now() + most;
    while (this.position < this.blocks.length) {
      const { number, from } = this.blocks[this.position];
      if (this.reader === null) {
        if (from > until) return 'done';
        const text = this.store.get(number);
        if (text === null) return 'asks';
      }
      try {
        this.reader ??= new BlockReader(this.store.get(number) ?? '');
        const message = this.reader.peek();
        if (message === null) {
          this.reader = null;
          this.position += 1;
          continue;
        }
        // A first picture may be a moment late.
        const isFirst = !this.hasPicture && message.kind === 'snapshot';
        if (message.at > until && !isFirst) return 'done';
        this.reader.take();
        this.pass(message);
      } catch (error) {
        this.broken(this.position, error);
      }
      if (performance.now() > deadline) return 'late';
    }
    return 'done';
  }

  /** @param {import('./recording_blocks.js').Message} message */
  pass(message) {
    if (message.kind === 'snapshot') {
      this.hasPicture = true;
      this.gap = null;
    }
    if (!this.hasPicture) return;
    this.time = message.at;
    this.listener[message.kind](this.changes.whole(message));
  }

  /** A block cannot be read: the next one that needs no block before it goes on. @param {number} position
   * @param {unknown} error */
  broken(position, error) {
    if (position !== this.position) return;
    const block = this.blocks[position];
    this.store.forget(block.number);
    this.reader = null;
    let next = position + 1;
    while (next < this.blocks.length && !this.blocks[next].is_key) next += 1;
    this.position = next;
    const until = this.blocks[next]?.from ?? this.to;
    const why = clean(error instanceof Error ? error.message : error, 200);
    const words = `Block ${block.number} of the recording cannot be read (${timeOfDay(block.from)} to ${
      timeOfDay(block.to)}): ${why}. The page shows the last picture before it until ${timeOfDay(until)}. `
      + 'Choose a moment again to ask for the block again.';
    this.gap = { words, until };
  }

  /** Fetches the block that is to be read. */
  async wait() {
    const { position } = this;
    try {
      await this.store.ask(this.blocks[position].number);
    } catch (error) {
      this.broken(position, error);
    }
  }

  /** Asks for the next blocks before they are needed. */
  ahead() {
    const block = this.blocks[this.position];
    if (!block || !this.isPlaying) return;
    const length = Math.max(250, block.to - block.from);
    const most = Math.min(MOST_AHEAD, Math.max(1, Math.ceil((this.speed * 1000) / length)));
    for (const { number } of this.blocks.slice(this.position + 1, this.position + 1 + most)) {
      if (this.store.get(number) !== null) continue;
      // It is asked for again when it is needed.
      this.store.ask(number).catch(() => {});
    }
  }

  /** @param {number} now */
  frame(now) {
    if (this.isClosed) return;
    requestAnimationFrame((next) => this.frame(next));
    const step = Math.min(Math.max(0, now - this.framed), LONGEST_STEP_MS);
    this.framed = now;
    if (!this.isPlaying || this.isSeeking || this.isWaiting) return;
    const until = Math.min(this.to, this.time + step * this.speed);
    const outcome = this.tell(until, FRAME_MS);
    this.isLate = outcome === 'late';
    if (outcome === 'done') this.time = until;
    if (outcome === 'asks') {
      this.isWaiting = true;
      this.wait().finally(() => { this.isWaiting = false; });
    }
    this.ahead();
    const isOver = this.time >= this.to;
    if (isOver) this.isPlaying = this.isLate = false;
    this.listener.moved(isOver);
  }
}

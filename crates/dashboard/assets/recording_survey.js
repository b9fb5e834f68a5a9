// Looks through a recording for the attempts of all members: its events tell names only.
import { BlockReader } from './recording_blocks.js';

/** A member that is gone stays in the pictures for ten minutes: one picture in less time than that misses nobody. */
const EVERY_MS = 480_000;
/** Maximum number of pictures that are read. */
const MOST = 64;

/** Reads pictures one after the other, and notes who was there.
 * @param {import('./recording.js').Recording} recording @param {import('./sightings.js').Sightings} sightings
 * @param {() => void} noted after each picture */
export async function survey(recording, sightings, noted) {
  const keys = recording.blocks.filter((block) => block.is_key);
  const pause = Math.max(EVERY_MS, (recording.to - recording.from) / MOST);
  let last = -Infinity;
  const chosen = keys.filter((block, at) => {
    const isDue = block.from - last >= pause || at === keys.length - 1;
    if (isDue) last = block.from;
    return isDue;
  });
  for (const { number } of chosen) {
    if (recording.isClosed) return;
    try {
      // Not by the kept blocks: those that are played must stay.
      const text = recording.store.get(number) ?? await recording.source.block(number);
      const message = new BlockReader(text).peek();
      const members = message?.kind === 'snapshot' ? message.data.members : null;
      for (const row of Array.isArray(members) ? members : []) {
        if (typeof row?.node === 'string') sightings.note(row.node, row.attempt, message?.at ?? NaN);
      }
      noted();
    } catch {
      // The player says why, once somebody wants to see this block.
    }
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

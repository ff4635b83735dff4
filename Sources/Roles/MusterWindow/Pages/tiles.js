// Tiles as pictures: kept while there is room, asked for while somebody looks. What nobody waits for any more is given up, and the
// fleet stops computing it.
import { makersOf } from './makers.js';

// Pixels that are kept: four bytes each.
const KEPT = 400 * 256 * 256, ASKED = 6, WAIT_MOST = 30_000;

export class Tiles {
  #kept = new Map();
  #pixels = 0;
  #asked = new Map();
  #trouble = new Map();
  #wanted = [];
  // What the page shows: kept, however much it is.
  #shown = new Set();
  #changed;

  // `changed` is called when a tile came, or could not.
  constructor(changed) { this.#changed = changed; }

  get(url) {
    const tile = this.#kept.get(url);
    if (tile) { this.#kept.delete(url); this.#kept.set(url, tile); }
    return tile?.picture;
  }

  // Who made a tile that is kept; null: that was not told.
  makers(url) { return this.#kept.get(url)?.makers ?? null; }

  // These, in this order, and no others.
  want(urls) {
    this.#shown = new Set(urls);
    this.#wanted = urls.filter(url => !this.#kept.has(url));
    const wanted = new Set(this.#wanted);
    for (const [url, asked] of this.#asked) if (!wanted.has(url)) asked.control.abort();
    for (const url of this.#trouble.keys()) if (!wanted.has(url)) this.#trouble.delete(url);
    this.#ask();
  }

  isWanted(url) { return this.#wanted.includes(url); }

  get missing() { return this.#wanted.length; }

  // Why some do not come; null: they come.
  get trouble() { return [...this.#trouble.values()].find(trouble => trouble.detail)?.detail ?? null; }

  #ask() {
    const now = performance.now();
    for (const url of this.#wanted) {
      if ([...this.#asked.values()].filter(asked => !asked.isHere).length >= ASKED) return;
      if (!this.#asked.has(url) && (this.#trouble.get(url)?.until ?? 0) <= now) this.#fetch(url);
    }
  }

  async #fetch(url) {
    const control = new AbortController(), asked = { control, isHere: false };
    this.#asked.set(url, asked);
    try {
      const answer = await fetch(url, { signal: control.signal });
      if (!answer.ok) throw await refused(answer);
      const makers = makersOf(answer.headers.get('Muster-Workers'));
      const bytes = await answer.blob();
      // The fleet makes the next one while the browser reads this one.
      asked.isHere = true;
      this.#ask();
      this.#keep(url, { picture: await createImageBitmap(bytes), makers });
      this.#trouble.delete(url);
    } catch (error) {
      if (!control.signal.aborted) this.#putOff(url, error);
    }
    this.#asked.delete(url);
    this.#wanted = this.#wanted.filter(other => !this.#kept.has(other));
    this.#changed();
    this.#ask();
  }

  #keep(url, tile) {
    this.#kept.set(url, tile);
    this.#pixels += tile.picture.width * tile.picture.height;
    for (const [oldest, { picture }] of this.#kept) {
      if (this.#pixels <= KEPT) break;
      if (this.#shown.has(oldest)) continue;
      this.#kept.delete(oldest);
      this.#pixels -= picture.width * picture.height;
      picture.close();
    }
  }

  // Asked again later and later, and by what the answer says.
  #putOff(url, error) {
    const tries = (this.#trouble.get(url)?.tries ?? 0) + 1;
    const wait = Math.min(WAIT_MOST, Math.max((error.retryAfter ?? 0) * 1000, 500 * 2 ** tries));
    this.#trouble.set(url, { tries, until: performance.now() + wait, detail: error.detail ?? 'The coordinator does not answer.' });
    setTimeout(() => { this.#changed(); this.#ask(); }, wait + 10);
  }
}

// What an answer says that is none: its detail, and when to ask again.
export async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  return Object.assign(new Error(problem.detail ?? `status ${answer.status}`), {
    detail: problem.detail ?? `The answer was ${answer.status}.`, retryAfter: Number(answer.headers.get('Retry-After')) || 0,
  });
}

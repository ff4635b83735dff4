// One large picture into a file. What has arrived is counted in rows: the fleet sends a picture while it computes it, and nobody knows
// its bytes before.
import { refused } from './tiles.js';

// Follows the chunks of a PNG file (W3C, PNG third edition, 5.3) as they come, and inflates its image data to count rows.
class Rows {
  #pending = new Uint8Array(0);
  #skipped = 8;
  #left = 0;
  #isData = false;
  #inflater = new DecompressionStream('deflate');
  #writer = this.#inflater.writable.getWriter();
  #bytes = 0;
  rowBytes = 0;
  height = 0;

  constructor() { this.#count().catch(() => {}); }

  get part() { return this.rowBytes ? Math.min(1, this.#bytes / (this.rowBytes * this.height)) : 0; }

  async #count() {
    const reader = this.#inflater.readable.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) this.#bytes += piece.value.length;
  }

  async take(bytes) {
    let rest = bytes;
    while (rest.length) {
      if (this.#skipped) {
        const count = Math.min(this.#skipped, rest.length);
        this.#skipped -= count;
        rest = rest.subarray(count);
      } else if (this.#left) {
        const piece = rest.subarray(0, this.#left);
        if (this.#isData) await this.#writer.write(piece).catch(() => {});
        this.#left -= piece.length;
        rest = rest.subarray(piece.length);
        if (!this.#left) this.#skipped = 4;
      } else {
        rest = this.#head(rest);
      }
    }
  }

  // A chunk's length and type; of the first chunk its content, too.
  #head(bytes) {
    const joined = new Uint8Array(this.#pending.length + bytes.length);
    joined.set(this.#pending);
    joined.set(bytes, this.#pending.length);
    const wanted = this.rowBytes ? 8 : 21;
    if (joined.length < wanted) { this.#pending = joined; return new Uint8Array(0); }
    this.#pending = new Uint8Array(0);
    const view = new DataView(joined.buffer);
    const type = String.fromCharCode(...joined.subarray(4, 8));
    if (!this.rowBytes) {
      const [width, depth, colour] = [view.getUint32(8), joined[16], joined[17]];
      this.height = view.getUint32(12);
      this.rowBytes = 1 + Math.ceil((width * depth * [1, 0, 3, 1, 2, 0, 4][colour]) / 8);
      this.#skipped = view.getUint32(0) - 13 + 4;
      return joined.subarray(21);
    }
    [this.#left, this.#isData] = [view.getUint32(0), type === 'IDAT'];
    if (!this.#left) this.#skipped = 4;
    return joined.subarray(8);
  }
}

// The whole file as a Blob. `tell(part, bytes)` hears how much of it is there. Throws what refuses it, and for one that broke off.
export async function picture(url, tell, signal) {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw await refused(answer);
  const [rows, pieces] = [new Rows(), []];
  let bytes = 0;
  const reader = answer.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    pieces.push(piece.value);
    bytes += piece.value.length;
    await rows.take(piece.value);
    tell(rows.part, bytes);
  }
  return new Blob(pieces, { type: 'image/png' });
}

export function store(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

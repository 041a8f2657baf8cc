// Pictures made small: at most 256 colours, which is all that a page of text and lines needs (PNG specification,
// https://www.w3.org/TR/png-3/: colour types 2, 3 and 6, eight bits, not interlaced).
import assert from 'node:assert/strict';
import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** The checksum of a chunk (annex D of the specification). @param {Buffer} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The chunks of a file: names and what is in them. @param {Buffer} file @returns {[string, Buffer][]} */
function chunks(file) {
  assert.ok(file.subarray(0, 8).equals(SIGNATURE), 'no PNG');
  /** @type {[string, Buffer][]} */
  const found = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    found.push([file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  return found;
}

/** @param {string} name @param {Buffer} data */
function chunk(name, data) {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(data.length);
  named.copy(whole, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}

/** What the filters of a line add to a byte. @param {number} filter @param {number} left @param {number} up @param {number} corner */
function predicted(filter, left, up, corner) {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** The colours of a picture's points, as 0xRRGGBB. @param {Buffer} file */
function points(file) {
  const all = chunks(file);
  const head = /** @type {Buffer} */ (all.find(([name]) => name === 'IHDR')?.[1]);
  const [width, height, bits, type, interlaced] = [head.readUInt32BE(0), head.readUInt32BE(4), head[8], head[9], head[12]];
  assert.ok(bits === 8 && (type === 2 || type === 6) && interlaced === 0, `a PNG of type ${type} with ${bits} bits`);
  const size = type === 2 ? 3 : 4;
  const lines = inflateSync(Buffer.concat(all.filter(([name]) => name === 'IDAT').map(([, data]) => data)));
  const length = width * size;
  const bytes = new Uint8Array(height * length);
  for (let y = 0; y < height; y += 1) {
    const filter = lines[y * (length + 1)] ?? 0;
    for (let x = 0; x < length; x += 1) {
      const at = y * length + x;
      const left = x >= size ? (bytes[at - size] ?? 0) : 0;
      const up = y > 0 ? (bytes[at - length] ?? 0) : 0;
      const corner = x >= size && y > 0 ? (bytes[at - length - size] ?? 0) : 0;
      bytes[at] = (lines[y * (length + 1) + 1 + x] ?? 0) + predicted(filter, left, up, corner);
    }
  }
  const colours = new Uint32Array(width * height);
  for (let point = 0; point < colours.length; point += 1) {
    const at = point * size;
    colours[point] = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  }
  return { width, height, colours };
}

/** How far apart two colours are. @param {number} one @param {number} other */
function distance(one, other) {
  const [red, green, blue] = [16, 8, 0].map((shift) => ((one >> shift) & 255) - ((other >> shift) & 255));
  return 2 * (red ?? 0) ** 2 + 4 * (green ?? 0) ** 2 + 3 * (blue ?? 0) ** 2;
}

/**
 * The colours to keep: the most frequent, none of them close to one that is kept already while others are not.
 * @param {Map<number, number>} counts
 */
function chosen(counts) {
  const frequent = [...counts.keys()].sort((one, other) => (counts.get(other) ?? 0) - (counts.get(one) ?? 0) || one - other);
  for (let apart = 0; ; apart = apart * 2 + 8) {
    /** @type {number[]} */
    const kept = [];
    for (const colour of frequent) {
      if (kept.every((other) => distance(colour, other) > apart)) kept.push(colour);
      if (kept.length > 256) break;
    }
    if (kept.length <= 256) return kept;
  }
}

/** The same picture with at most 256 colours. @param {Buffer} file */
export function small(file) {
  const { width, height, colours } = points(file);
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const kept = chosen(counts);
  const nearest = new Map();
  for (const colour of counts.keys()) {
    const best = kept.reduce((best, other) => (distance(colour, other) < distance(colour, best) ? other : best));
    nearest.set(colour, kept.indexOf(best));
  }
  const lines = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) lines[y * (width + 1) + 1 + x] = nearest.get(colours[y * width + x]);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const palette = Buffer.from(kept.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const end = chunk('IEND', Buffer.alloc(0));
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('PLTE', palette), chunk('IDAT', deflateSync(lines, { level: 9 })), end]);
}

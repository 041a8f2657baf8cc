// What a history has in it that is worth looking at, read from its file.
import { readFile } from 'node:fs/promises';
import { fixture } from './retrace.js';

/**
 * @typedef {object} Entry
 * @property {string} topic
 * @property {string} position
 * @property {number} time milliseconds since 1970
 * @property {number} number its ordinal
 * @property {string} id
 * @property {string} action
 * @property {any} data
 */

/** All entries of a fixture, in log order. @param {string} name @returns {Promise<Entry[]>} */
export async function entries(name) {
  const lines = (await readFile(fixture(name), 'utf8')).trimEnd().split('\n');
  return lines.map((line, index) => {
    const { stream, id: position, fields } = JSON.parse(line);
    const data = JSON.parse(fields.event_data);
    const topic = stream.split(':').pop();
    const time = Number.parseInt(position, 10);
    return { topic, position, time, number: index + 1, id: fields.event_id, action: fields.event_action, data };
  });
}

/** The life of the order that most happened to; of several the first one's. @param {Entry[]} log */
export function longestOrder(log) {
  /** @type {Map<string, Entry[]>} */
  const lives = new Map();
  for (const entry of log.filter(({ topic }) => topic === 'order')) {
    const { entity_id } = entry.data;
    lives.set(entity_id, [...(lives.get(entity_id) ?? []), entry]);
  }
  const [first, ...others] = lives.values();
  if (!first) throw new Error('the history has no orders');
  const events = others.reduce((longest, life) => (life.length > longest.length ? life : longest), first);
  return { id: String(events[0]?.data.entity_id), events };
}
